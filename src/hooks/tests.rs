//! Messages as their senders make them. Where a sender publishes an example, that is it; the others were signed by another implementation (Python's `hmac`).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{HookAnswer, HookMessage, HookReceiver, HookRefusal, ManifestHost};
use crate::manifest::catalog::catalog;
use crate::manifest::kinds::connector::WebhookSpec;

const SECRET: &str = "a-secret-of-32-characters-or-so!";
const AT: i64 = 1_790_000_000;

struct Sent {
    headers: BTreeMap<String, String>,
    query: &'static str,
    body: Vec<u8>,
}

impl Sent {
    fn new(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect();
        Self { headers, query: "", body: body.as_ref().to_vec() }
    }

    fn hear(&self, receiver: &HookReceiver, secret: &str, second: i64) -> Result<HookAnswer, HookRefusal> {
        let header = |name: &str| self.headers.get(name).map(String::as_str);
        receiver.hear(&HookMessage::new(&header, self.query, &self.body), secret, Timestamp::from_second(second).unwrap())
    }
}

fn receiver(name: &str) -> HookReceiver {
    HookReceiver::compile(catalog()[name].webhook.as_ref().unwrap_or_else(|| panic!("{name} has webhooks"))).unwrap()
}

fn host(host: ManifestHost, secret: &str) -> HookReceiver {
    HookReceiver::compile(&host.spec(secret)).unwrap()
}

fn is_news(heard: &Result<HookAnswer, HookRefusal>) -> bool {
    matches!(heard, Ok(HookAnswer::Changed(_)))
}

/// It counts as it is; with another secret, another byte in the body, another proof, or none, it does not.
fn holds(receiver: &HookReceiver, sent: &Sent, secret: &str, second: i64, proof: &str) {
    let heard = sent.hear(receiver, secret, second);
    assert!(is_news(&heard), "{heard:?}");
    let refused = |sent: &Sent, secret: &str| assert_eq!(sent.hear(receiver, secret, second), Err(HookRefusal::Unproven));
    refused(sent, "another-secret-of-32-characters!");
    refused(sent, "");
    let with = |value: Option<String>| {
        let mut headers = sent.headers.clone();
        headers.remove(proof);
        headers.extend(value.map(|value| (proof.to_owned(), value)));
        Sent { headers, query: "", body: sent.body.clone() }
    };
    refused(&with(None), secret);
    refused(&with(Some(String::new())), secret);
    let mut other = sent.headers[proof].clone();
    let last = other.pop().unwrap();
    other.push(if last == 'A' || last == 'a' { 'b' } else { 'a' });
    if last != '=' {
        refused(&with(Some(other)), secret);
    }
    refused(&with(sent.headers[proof].get(1..).map(str::to_owned)), secret);
}

/// Also: another body has another proof.
fn holds_over_body(receiver: &HookReceiver, sent: &Sent, secret: &str, second: i64, proof: &str) {
    holds(receiver, sent, secret, second, proof);
    let body = [sent.body.as_slice(), b" "].concat();
    let other = Sent { headers: sent.headers.clone(), query: "", body };
    assert_eq!(other.hear(receiver, secret, second), Err(HookRefusal::Unproven));
}

#[test]
fn github_s_own_example_is_a_push_and_its_ping_is_none() {
    let secret = "It's a Secret to Everybody";
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let sent = |event: &str| {
        Sent::new(&[("X-Hub-Signature-256", signature), ("X-GitHub-Event", event), ("X-GitHub-Delivery", "72d3162e")], "Hello, World!")
    };
    let github = host(ManifestHost::GitHub, secret);
    holds_over_body(&github, &sent("push"), secret, AT, "x-hub-signature-256");
    assert_eq!(sent("ping").hear(&github, secret, AT), Ok(HookAnswer::Nothing));
    let (connector, body) = (receiver("github"), r#"{"action":"member_added","organization":{"login":"acme"}}"#);
    let signature = "sha256=f3c017e736b0a0ce42c468c6efa9cc4840a02a696ca445f0507f4ce4167b0650";
    let sent = Sent::new(&[("X-Hub-Signature-256", signature), ("X-GitHub-Event", "organization")], body);
    holds_over_body(&connector, &sent, SECRET, AT, "x-hub-signature-256");
}

#[test]
fn gitlab_signs_as_standard_webhooks_do_and_its_older_token_is_the_secret_itself() {
    // The example of Standard Webhooks.
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let second = 1_614_265_330;
    let signed = |event: &str, signature: &str| {
        let headers = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signature),
            ("X-Gitlab-Event", event),
        ];
        Sent::new(&headers, r#"{"test": 2432232314}"#)
    };
    let right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let gitlab = host(ManifestHost::GitLab, secret);
    holds_over_body(&gitlab, &signed("Push Hook", right), secret, second, "webhook-signature");
    let two = format!("v1,{} {right} v1a,AAAA", "A".repeat(44));
    assert!(is_news(&signed("Push Hook", &two).hear(&gitlab, secret, second)), "one of several");
    assert_eq!(signed("Issue Hook", right).hear(&gitlab, secret, second), Ok(HookAnswer::Nothing));
    for late in [second + 301, second - 301] {
        assert_eq!(signed("Push Hook", right).hear(&gitlab, secret, late), Err(HookRefusal::Stale));
    }
    let older = host(ManifestHost::GitLab, SECRET);
    let sent = Sent::new(&[("X-Gitlab-Token", SECRET), ("X-Gitlab-Event", "Push Hook")], "{}");
    holds(&older, &sent, SECRET, AT, "x-gitlab-token");
}

#[test]
fn slack_s_own_example_holds_for_five_minutes_and_its_challenge_comes_back() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let example = Sent::new(&[("X-Slack-Signature", signature), ("X-Slack-Request-Timestamp", "1531420618")], body);
    let slack = receiver("slack");
    let hear = |second| example.hear(&slack, "8f742231b10e8888abcd99yyyzzz85a5", second);
    // It is proven; what it holds is no event.
    assert_eq!(hear(1_531_420_618), Ok(HookAnswer::Nothing));
    assert_eq!((hear(1_531_420_619 + 300), hear(1_531_420_617 - 300)), (Err(HookRefusal::Stale), Err(HookRefusal::Stale)));
    let sent =
        |signature: &str, body: &str| Sent::new(&[("X-Slack-Signature", signature), ("X-Slack-Request-Timestamp", "1790000000")], body);
    let joined = sent(
        "v0=035c915ac60d8e29728531f2755b73ad459a01faddd6877298fb9976523c4cbf",
        r#"{"type":"event_callback","event_id":"Ev01","event":{"type":"team_join","user":{"id":"W1"}}}"#,
    );
    holds_over_body(&slack, &joined, SECRET, AT, "x-slack-signature");
    let hello = sent(
        "v0=a42e9035f42ee1dabf024e39656102331bfde078cb4baa8fe0a336710ead50f5",
        r#"{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#,
    );
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    assert_eq!(hello.hear(&slack, SECRET, AT), Ok(HookAnswer::Text(challenge.into())));
    assert_eq!(hello.hear(&slack, "another", AT), Err(HookRefusal::Unproven), "not to anybody");
}

#[test]
fn workos_hibob_bamboohr_and_merge_sign_each_in_its_way() {
    let workos = Sent::new(
        &[("WorkOS-Signature", "t=1790000000000, v1=2dc804bd75244dde4b14fed9f3bdc853c5fdd44d9e186dbdb9cc2c9d493ba2c9")],
        r#"{"id":"event_01","event":"dsync.user.updated","data":{}}"#,
    );
    holds_over_body(&receiver("workos"), &workos, SECRET, AT, "workos-signature");
    assert_eq!(workos.hear(&receiver("workos"), SECRET, AT + 181), Err(HookRefusal::Stale));
    let hibob = Sent::new(
        &[("Bob-Signature", "izsSdHy128S/9EVgZYlcdHPzmA4xdn+lss+uVQZoKhSEGC3XDT1DhsoKCB6d5VneJL2V+Nso4TCHnh6jYLRRHA==")],
        r#"{"companyId":1,"type":"employee.updated","triggeredAt":"2026-09-21T14:13:20Z","data":{"employeeId":"2"}}"#,
    );
    holds_over_body(&receiver("hibob"), &hibob, SECRET, AT, "bob-signature");
    let bamboo = Sent::new(
        &[
            ("X-BambooHR-Signature", "320236d738c1a8af8dfad9b868fbedaafb2c025b8356422a328b3dd0ca185e9b"),
            ("X-BambooHR-Timestamp", "1790000000"),
        ],
        r#"{"employees":[{"id":"7","action":"Updated"}]}"#,
    );
    holds_over_body(&receiver("bamboohr"), &bamboo, SECRET, AT, "x-bamboohr-signature");
    assert_eq!(bamboo.hear(&receiver("bamboohr"), SECRET, AT + 301), Err(HookRefusal::Stale));
    let merge = |signature: &str| {
        let body = r#"{"hook":{"event":"Employee.changed"},"linked_account":{"id":"a"},"data":{}}"#;
        Sent::new(&[("X-Merge-Webhook-Signature", signature)], body)
    };
    // With and without the sign at the end.
    for signature in ["i1c9W2eW2Gs6QvM_g7_ur_BNCNhxym51nFYD8Cc7o-U=", "i1c9W2eW2Gs6QvM_g7_ur_BNCNhxym51nFYD8Cc7o-U"] {
        let sent = merge(signature);
        assert!(is_news(&sent.hear(&receiver("merge"), SECRET, AT)));
        assert_eq!(sent.hear(&receiver("merge"), "another", AT), Err(HookRefusal::Unproven));
    }
    assert_eq!(merge("i1c9W2eW2Gs6QvM/g7/ur/BNCNhxym51nFYD8Cc7o+U=").hear(&receiver("merge"), SECRET, AT), Err(HookRefusal::Unproven));
}

#[test]
fn okta_onelogin_google_and_graph_know_the_secret_itself() {
    let okta = Sent::new(&[("Authorization", SECRET)], r#"{"eventId":"b5a188b9","data":{"events":[{"uuid":"1"}]}}"#);
    holds(&receiver("okta"), &okta, SECRET, AT, "authorization");
    let hello = Sent::new(&[("X-Okta-Verification-Challenge", "5e \"x\"")], "");
    assert_eq!(hello.hear(&receiver("okta"), SECRET, AT), Ok(HookAnswer::Json(r#"{"verification":"5e \"x\""}"#.into())));
    let long = "x".repeat(1025);
    let hello = Sent::new(&[("X-Okta-Verification-Challenge", &long)], "");
    assert_eq!(hello.hear(&receiver("okta"), SECRET, AT), Err(HookRefusal::Unproven));
    holds(&receiver("onelogin"), &Sent::new(&[("Authorization", SECRET)], "[{}]"), SECRET, AT, "authorization");

    let google = |state: &str| Sent::new(&[("X-Goog-Channel-Token", SECRET), ("X-Goog-Resource-State", state)], "");
    holds(&receiver("google-workspace"), &google("update"), SECRET, AT, "x-goog-channel-token");
    assert_eq!(google("sync").hear(&receiver("google-workspace"), SECRET, AT), Ok(HookAnswer::Nothing));

    let graph = |body: &str| Sent::new(&[], body).hear(&receiver("entra"), SECRET, AT);
    let item = |state: &str| format!(r#"{{"subscriptionId":"s","clientState":"{state}","resource":"users/1"}}"#);
    let all = |items: &[String]| format!(r#"{{"value":[{}]}}"#, items.join(","));
    assert!(is_news(&graph(&all(&[item(SECRET), item(SECRET)]))));
    for wrong in
        [all(&[item(SECRET), item("x")]), all(&[]), all(&[item(SECRET), "{}".into()]), "{}".into(), "no JSON".into(), String::new()]
    {
        assert_eq!(graph(&wrong), Err(HookRefusal::Unproven), "{wrong}");
    }
    let hello = Sent { query: "validationToken=Validation%3a+Testing", ..Sent::new(&[], "") };
    assert_eq!(hello.hear(&receiver("entra"), SECRET, AT), Ok(HookAnswer::Text("Validation: Testing".into())));
}

#[test]
fn a_public_key_verifies_and_says_nothing_of_other_bytes() {
    let spec: WebhookSpec = serde_json::from_value(serde_json::json!({
        "verify": {"signature": {"algorithm": "ed25519", "header": "X-Signature", "encoding": "hex", "over": "{body}"}}
    }))
    .unwrap();
    let receiver = HookReceiver::compile(&spec).unwrap();
    // The third test of RFC 8032, section 7.1.
    let key = "/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=";
    let signature =
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    let sent = |body: &[u8]| Sent::new(&[("X-Signature", signature)], body);
    assert!(is_news(&sent(&[0xaf, 0x82]).hear(&receiver, key, AT)));
    assert!(is_news(&sent(&[0xaf, 0x82]).hear(&receiver, &format!("whpk_{key}"), AT)));
    assert_eq!(sent(&[0xaf, 0x83]).hear(&receiver, key, AT), Err(HookRefusal::Unproven));
    assert_eq!(sent(&[0xaf, 0x82]).hear(&receiver, "no key", AT), Err(HookRefusal::Unproven));
}

#[test]
fn a_repeat_has_the_marks_of_the_first_whatever_of_it_was_not_signed() {
    let secret = "It's a Secret to Everybody";
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let marks = |delivery: &str| {
        let headers = [("X-Hub-Signature-256", signature), ("X-GitHub-Event", "push"), ("X-GitHub-Delivery", delivery)];
        match Sent::new(&headers, "Hello, World!").hear(&host(ManifestHost::GitHub, secret), secret, AT) {
            Ok(HookAnswer::Changed(marks)) => marks,
            other => panic!("{other:?}"),
        }
    };
    // The delivery's name is in no signature: whoever repeats a message may write another one.
    let (mut repeats, now) = (super::Repeats::default(), Timestamp::from_second(AT).unwrap());
    assert!(!repeats.came(&marks("1"), now));
    assert!(repeats.came(&marks("2"), now + SignedDuration::from_hours(1)));
}

#[test]
fn a_scheme_that_proves_nothing_is_refused_with_the_manifests() {
    let wrong = |spec: serde_json::Value| HookReceiver::compile(&serde_json::from_value::<WebhookSpec>(spec).unwrap()).unwrap_err().0;
    let signature =
        |over: &str| serde_json::json!({"signature": {"algorithm": "hmac-sha256", "header": "X-S", "encoding": "hex", "over": over}});
    assert_eq!(wrong(serde_json::json!({"verify": signature("{header.X-Time}")})), "verify/signature/over");
    assert_eq!(wrong(serde_json::json!({"verify": signature("{body.id}{body}")})), "verify/signature/over");
    assert_eq!(wrong(serde_json::json!({"verify": signature("{body")})), "verify/signature/over");
    assert_eq!(wrong(serde_json::json!({"verify": {"shared": {"at": "body"}}})), "verify/shared/at");
    let fresh = serde_json::json!({"at": "header.X-Time", "unit": "s", "within": "5m"});
    assert_eq!(wrong(serde_json::json!({"verify": signature("{body}"), "fresh": fresh})), "fresh/at");
    assert_eq!(wrong(serde_json::json!({"verify": signature("{body}"), "once": "headers.X"})), "once");
    let hello = serde_json::json!({"echo": "body.challenge", "unproven": true});
    assert_eq!(wrong(serde_json::json!({"verify": signature("{body}"), "hello": hello})), "hello/echo");
}
