//! A system with many people, in pages that were made before anybody asks.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Its threads end with the process.
pub struct Server {
    host: String,
    base: String,
    bytes: usize,
}

impl Server {
    pub fn start(people: usize, a_page: usize) -> Self {
        let pages: Arc<Vec<Vec<u8>>> = Arc::new((0..people.div_ceil(a_page)).map(|at| page(at, a_page, people)).collect());
        let bytes = pages.iter().map(Vec::len).sum();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let pages = pages.clone();
                thread::spawn(move || answer(&stream, &pages));
            }
        });
        Self { base: format!("http://{host}"), host, bytes }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// One connection, request after request.
fn answer(stream: &TcpStream, pages: &[Vec<u8>]) {
    stream.set_nodelay(true).expect("a socket");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(asked) = lines.next() {
        for header in lines.by_ref() {
            if header.is_empty() {
                break;
            }
        }
        let cursor = asked.split_once("cursor=").and_then(|(_, rest)| rest.split([' ', '&']).next()?.parse().ok());
        let page = &pages[cursor.unwrap_or(0)];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", page.len());
        let mut whole = head.into_bytes();
        whole.extend_from_slice(page);
        let mut out = stream;
        if out.write_all(&whole).is_err() {
            return;
        }
    }
}

fn page(at: usize, a_page: usize, people: usize) -> Vec<u8> {
    let mut text = String::from(r#"{"people":["#);
    let until = people.min((at + 1) * a_page);
    for number in at * a_page..until {
        if number % a_page > 0 {
            text.push(',');
        }
        person(&mut text, number);
    }
    let next = if until < people { format!("\"{}\"", at + 1) } else { "null".to_owned() };
    write!(text, r#"],"next":{next}}}"#).expect("room in memory");
    text.into_bytes()
}

/// As HR systems have them: more than anybody asks for, some of it empty, an umlaut and a plus here and there.
fn person(text: &mut String, at: usize) {
    let (given, family) = (GIVEN[at % GIVEN.len()], FAMILY[at / GIVEN.len() % FAMILY.len()]);
    let (team, manager) = (at % 300, at / 12);
    write!(
        text,
        r#"{{"id":"{at:08}","email":"p{at}@acme.example","firstName":"{given}","surname":"{family}","displayName":"{given} {family}","companyId":581,"avatarUrl":"https://images.acme.example/avatars/{at:08}.png","creationDateTime":"2024-02-11T09:12:45.120Z","work":{{"startDate":"2024-02-{:02}","title":"Engineer {}","department":"Team {team}","site":"Berlin","employeeIdInCompany":{at},"isManager":false,"workPhone":"+49 30 {:07}","workMobile":null,"reportsTo":{{"id":"{manager:08}","email":"p{manager}@acme.example","displayName":"Somebody"}},"customColumns":{{"column_1":"value {}","column_2":null}}}},"internal":{{"status":"Active","lifecycleStatus":"employed","terminationDate":null,"periodSinceTermination":null}},"about":{{"hobbies":["climbing","chess"],"foodPreferences":[]}}}}"#,
        at % 28 + 1,
        at % 7,
        at % 10_000_000,
        at % 5,
    )
    .expect("room in memory");
}

const GIVEN: [&str; 6] = ["Ada", "Jörg", "Noor", "Tom", "Ines", "Wei"];
const FAMILY: [&str; 5] = ["Lovelace", "Müller", "Haddad", "O'Neil", "Costa"];
