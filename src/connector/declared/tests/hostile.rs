//! Answers that no list should be made of. None of them reads as whole; each read ends, within bounds, and says what it met.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::connector::budget::Budget;
use crate::connector::clock::WaitClock;
use crate::connector::connections::Connections;

/// The rows of all systems together may take no more, and one answer no more than a quarter of it.
const ROOM: u64 = 256 << 10;

/// Reads the accounts of a document at this address, in little room and without waiting.
async fn read_at(base: &str, fields: &Json) -> Evidence {
    let mut connection = own_at(base, fields, &json!({"token": said("t0ken")}));
    connection.max_body = Some("64Ki".into());
    let clock = Connections::by(WaitClock::skipping());
    let surroundings = Surroundings::at(".").within(&Budget::new(ROOM)).over(&clock);
    let reader = DeclaredConnector.open_source(&connection, &surroundings).await.expect("a source");
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id"]))]);
    reader.read(&request, &mut Rows::default()).await.of(ObjectKind::Account)
}

/// The same where the list is asked for in a certain way, of a service that answers so.
async fn met(list: &Json, script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> (String, Vec<Asked>) {
    let service = Scripted::with_discovery(script).await;
    let mut request = json!({"get": "/users"});
    list.as_object().into_iter().flatten().for_each(|(name, value)| request[name] = value.clone());
    let errors = json!({"text": "body.error", "signs": [{"when": "body.error == \"denied\"", "is": "forbidden"}]});
    let fields = json!({"accounts": {"id": "record.id", "attributes": {}, "list": request}, "errors": errors, "rights": ["users:read"]});
    let evidence = read_at(&service.base, &fields).await;
    let place = service.base.trim_start_matches("http://").trim_end_matches("/scim");
    (told(&evidence).replace(place, "HOST"), service.asked())
}

fn told(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Complete | Evidence::Delta => format!("whole: {evidence:?}"),
        Evidence::Partial { reason } => format!("partial: {reason}"),
        Evidence::Unreadable { reason } => format!("unreadable: {reason}"),
    }
}

/// Page after page as these say, the last of them for ever.
fn pages(pages: &[Json]) -> impl Fn(&Asked) -> Option<Answer> + Send + Sync + use<> {
    let (pages, at) = (pages.to_vec(), std::sync::atomic::AtomicUsize::new(0));
    move |_| {
        let at = at.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        pages.get(at.min(pages.len() - 1)).map(|page| answer(200, page))
    }
}

fn users(ids: &[&str]) -> Json {
    ids.iter().map(|id| json!({"id": id})).collect()
}

/// One answer in the place of a list.
#[tokio::test]
async fn what_is_no_list_is_none() {
    let nested = "[".repeat(500);
    let long = format!("[{}]", vec!["{\"id\": \"u1\"}"; 8000].join(","));
    let one = json!({"pages": {"one": {}}});
    let below = json!({"pages": {"one": {}}, "records": "body.rows"});
    let bodies: Vec<(&Json, u16, &str, &str)> = vec![
        (
            &one,
            200,
            "<!DOCTYPE html><title>Sign in</title>",
            "unreadable: unexpected answer: HTTP 200 from HOST with a web page in place of JSON",
        ),
        (&one, 200, "", "lacks the records"),
        (&one, 200, "null", "lacks the records"),
        (&one, 204, "", "lacks the records"),
        (&one, 200, &nested, "something else than was asked for"),
        (&one, 200, "[{\"id\": \"u1\"}", "breaks off"),
        (&one, 200, &long, "longer than allowed"),
        (&one, 200, "{\"error\": \"no such team\"}", "a record has no id"),
        (&one, 200, "{}", "a record has no id"),
        (&one, 200, "[{\"id\": \"u1\"}, {\"id\": \"u1\"}]", "a record came twice"),
        (&one, 200, "[{\"id\": \"u1\"}, {\"name\": \"x\"}]", "a record has no id"),
        (&one, 200, "[{\"id\": \"u1\"}, {\"id\": null}]", "a record has no id"),
        (&one, 200, "[{\"id\": \"u1\"}, {\"id\": \"\"}]", "a record has no id"),
        (&one, 200, "[\"u1\", 2]", "a record has no id"),
        (&one, 200, "\"none\"", "no list"),
        (&below, 200, "{\"row\": []}", "lacks the records"),
        (&below, 200, "{\"rows\": null}", "lacks the records"),
        (&below, 200, "{\"rows\": \"none\"}", "no list"),
        (&one, 401, "{}", "unreadable: can't sign in: HOST does not accept the credentials"),
        (&one, 403, "{}", "unreadable: not allowed: HOST refuses (HTTP 403); a right is missing (it needs users:read)"),
        (&one, 400, "{\"error\": \"denied\"}", "HOST refuses (HTTP 400 denied); a right is missing (it needs users:read)"),
        (&one, 404, "{\"error\": \"no such path\"}", "not found: HTTP 404 no such path"),
        (&one, 429, "{}", "unreadable: throttled: HTTP 429"),
        (&one, 500, "<html>", "HTTP 500"),
        (&one, 302, "", "redirects"),
    ];
    for (list, status, body, words) in bodies {
        let text = body.to_owned();
        let service = move |_: &Asked| Some(answer(status, &text).header("location", "http://localhost:1/users"));
        let (told, asked) = met(list, service).await;
        assert!(told.contains(words) && !told.starts_with("whole"), "{body:.40}: {told}");
        assert!((1..=4).contains(&asked.len()), "{body:.40}: asked {} times", asked.len());
    }
}

/// Lists whose pages lead nowhere, or somewhere else.
#[tokio::test]
async fn pages_that_never_end_end() {
    let cursor = json!({"pages": {"cursor": {"from": "body.next", "to": "query.cursor", "end": ""}}, "records": "body.rows"});
    let next = json!({"pages": {"next": "body.next"}, "records": "body.rows"});
    let shaped = json!({"pages": {"next": "body.next"}, "records": "body.rows", "shape": "has(body.rows)"});
    let offset = json!({"pages": {"offset": {"to": "query.offset", "total": "body.total"}}, "records": "body.rows"});
    let number = json!({"pages": {"page": {"to": "query.page"}}, "records": "body.rows"});
    let after = json!({"pages": {"after": {"from": "record.id", "to": "query.after"}}, "records": "body.rows"});
    let page = |ids: &[&str], field: &str, value: Json| json!({"rows": users(ids), field: value});
    let cases = [
        (&cursor, vec![page(&["a"], "next", json!("x")), page(&["b"], "next", json!("x"))], "the same page again"),
        (
            &cursor,
            vec![page(&["a"], "next", json!("x")), page(&["b"], "next", json!("y")), page(&["c"], "next", json!("x"))],
            "the same page again",
        ),
        (&cursor, vec![page(&["a"], "next", json!("x")), page(&["b"], "other", json!(""))], "lacks the field with the cursor"),
        (&cursor, vec![page(&["a"], "next", json!({"at": 1}))], "its cursor is no text"),
        (&cursor, vec![page(&["a"], "next", json!("x")), page(&["a"], "next", json!("y"))], "came twice"),
        (&next, vec![page(&["a"], "other", json!(1))], "lacks the field with the next one"),
        (&next, vec![page(&["a"], "next", json!([]))], "its next page is no text"),
        (&shaped, vec![page(&["a"], "next", json!("/b")), json!({"error": "gone"})], "another shape"),
        (&offset, vec![page(&["a"], "total", json!(2)), page(&[], "total", json!(2))], "it says that there are 2, and gave 1"),
        (&offset, vec![page(&["a"], "total", json!(2)), page(&["b"], "total", json!(3))], "changed while it was read"),
        (&offset, vec![page(&["a", "b"], "total", json!(1))], "it says that there are 1, and 2 came"),
        (&offset, vec![page(&["a"], "count", json!(1))], "does not say how many there are"),
        (&offset, vec![page(&["a"], "total", json!(-1))], "does not say how many there are"),
        (&number, vec![page(&["a"], "x", json!(0)), page(&[], "x", json!(0)), page(&["b"], "x", json!(0))], "changed while it was read"),
        (&after, vec![page(&["a"], "x", json!(0))], "came twice"),
    ];
    for (list, answers, words) in cases {
        let (told, asked) = met(list, pages(&answers)).await;
        assert!(told.contains(words) && !told.starts_with("whole"), "{words}: {told}");
        assert!(asked.len() <= answers.len() + 1, "{words}: asked {} times", asked.len());
    }
    // Always more: what comes fills the room that there is, and where nothing comes that is no list.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let more = move |_: &Asked| {
        let at = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Some(answer(200, json!({"rows": (0..50).map(|of| json!({"id": format!("{at} {of}")})).collect::<Json>(), "next": at.to_string()})))
    };
    assert!(met(&cursor, more).await.0.contains("`maxRead`"));
    let count = std::sync::atomic::AtomicUsize::new(0);
    let none = move |_: &Asked| {
        Some(answer(200, json!({"rows": [], "next": count.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string()})))
    };
    let (told, asked) = met(&cursor, none).await;
    assert!(told.contains("pages in a row without a record"), "{told}");
    assert!(asked.len() < 1000, "asked {} times", asked.len());
    // Each page after a minute's patience: half a day of it is enough.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let slow = move |_: &Asked| {
        let at = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Some(match at % 2 {
            0 => answer(429, "{}").header("retry-after", "59"),
            _ => answer(200, json!({"rows": [{"id": at.to_string()}], "next": at.to_string()})),
        })
    };
    let (told, asked) = met(&cursor, slow).await;
    assert!(told.contains("no end of it after 12 hours"), "{told}");
    assert!(asked.len() < 2000, "asked {} times", asked.len());
}

/// Nothing is sent to where the document does not lead.
#[tokio::test]
async fn a_page_elsewhere_is_not_asked_for() {
    let elsewhere = Scripted::with_discovery(|_| Some(answer(200, json!({"rows": [], "next": null})))).await;
    let next = json!({"pages": {"next": "body.next"}, "records": "body.rows"});
    let of = |url: String| move |_: &Asked| Some(answer(200, json!({"rows": users(&["a"]), "next": url})));
    let place = elsewhere.base.trim_start_matches("http://").to_owned();
    for url in [elsewhere.base.clone(), format!("//{place}/users"), format!("http://127.0.0.1@{place}/users"), "file:///etc/passwd".into()]
    {
        let (told, _) = met(&next, of(url)).await;
        assert!(told.contains("none of its hosts; nothing is sent there"), "{told}");
    }
    let redirect = elsewhere.base.clone();
    let (told, _) = met(&next, move |_| Some(answer(307, "").header("location", &redirect))).await;
    assert!(told.contains("redirects (HTTP 307), which is never followed"), "{told}");
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.lines());
}

/// A service that says a head and then a piece, over and over, until nobody listens.
async fn raw(head: &'static str, piece: Vec<u8>, times: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/scim", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let piece = piece.clone();
            tokio::spawn(async move {
                let mut asked = [0u8; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(head.as_bytes()).await;
                for _ in 0..times {
                    if stream.write_all(&piece).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    base
}

/// More than anybody has room for, however it is packed.
#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    // 300,000 blanks in 326 bytes.
    let head: Vec<u8> =
        vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 0x0d, 0, 0, 0, 0xc2, 0xa0, 0x2a, 0xef, 0x9f, 0xd2, 0x1e, 0x0e, 0x28];
    let tail = [0xf8, 0x31, 0xdf, 0x2a, 0x1f, 0x54, 0xe0, 0x93, 4, 0];
    let bomb: Vec<u8> = head.iter().copied().chain(std::iter::repeat_n(0, 326 - head.len() - tail.len())).chain(tail).collect();
    let chunk = || [b"1000\r\n".to_vec(), vec![b' '; 4096], b"\r\n".to_vec()].concat();
    let fields = json!({"accounts": {"id": "record.id", "attributes": {}, "list": {"get": "/users", "pages": {"one": {}}}}});
    for (what, base) in [
        ("ten gigabytes", raw("HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n", vec![b' '; 65536], 163_840).await),
        ("without end", raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk(), u64::MAX).await),
        ("a bomb", raw("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 326\r\n\r\n", bomb, 1).await),
    ] {
        let told = told(&read_at(&base, &fields).await);
        assert!(told.starts_with("unreadable") && told.contains("longer than allowed"), "{what}: {told}");
    }
}

/// What is not done in its time may yet be done, so it is not called a failure.
#[tokio::test]
async fn a_task_that_never_ends_is_uncertain() {
    let service = Scripted::with_discovery(|asked| {
        Some(answer(200, if asked.line.starts_with("POST") { json!({"id": "t1"}) } else { json!({"status": "STARTED"}) }))
    });
    let service = service.await;
    let create = json!({"post": "/users", "body": "attributes", "task": {"get": "/tasks/{body.id}", "done": "body.status == \"SUCCESS\""}});
    let accounts = json!({"accounts": {"id": "record.id", "attributes": {"userName": {"path": "login"}}, "create": create}});
    let connection = own(&service, &accounts, &json!({"token": said("t0ken")}));
    let surroundings = Surroundings::at(".").over(&Connections::by(WaitClock::skipping()));
    let target = DeclaredConnector.open_target(&connection, &surroundings).await.expect("a target");
    let made = wanted(ObjectKind::Account, Action::Create).with("userName", Some(json!("ada"))).send(&*target.writer).await;
    assert!(matches!(&made, Err(SystemError::Uncertain(words)) if words.contains("not done yet")), "{made:?}");
    assert!((10..=100).contains(&service.asked().len()), "asked {} times", service.asked().len());
}
