//! Messages that are posted: CloudEvents 1.0 signed as Standard Webhooks, and the text that Slack's incoming webhooks take.
//!
//! Must never: put an address that is a secret into words or a log, follow a redirect, or give Slack something to execute.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::Undelivered;
use super::notice::{Notice, kind_word, minute};
use crate::http::standard_webhooks::{Signer, headers};
use crate::http::{Body, Client, Method, Request, Response, Settings, Url};
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::{SlackReceiver, WebhookReceiver};
use crate::model::SystemError;
use crate::secret::{self, SecretString};

const TIMEOUT: Duration = Duration::from_secs(15);
/// An answer says no more than that it was heard.
const MAX_ANSWER: usize = 64 << 10;

/// A service of one's own.
pub(super) async fn webhook(to: &WebhookReceiver, notice: &Notice, link: Option<&str>, name: &str, base: &Path) -> Result<(), Undelivered> {
    let url = Url::parse(&to.url).map_err(|_| Undelivered::for_good("its url is no address"))?;
    let mut signers = vec![signer(&to.secret, base).await?];
    if let Some(former) = &to.former_secret {
        signers.push(signer(former, base).await?);
    }
    let body = event(notice, link).to_string();
    let mut request = Request::writes(Method::POST, url, "application/json");
    // The time is that of the try: a receiver takes none that is old.
    for (name, value) in headers(&signers, &notice.id, Timestamp::now(), &body) {
        request.headers.push((name.into(), value));
    }
    request.body = Some(Body::new("application/cloudevents+json; charset=utf-8", body));
    send(&client(name, to.ca_file.as_deref(), base)?, request).await
}

/// Slack, or whoever takes the same.
pub(super) async fn slack(to: &SlackReceiver, notice: &Notice, link: Option<&str>, name: &str, base: &Path) -> Result<(), Undelivered> {
    let address = resolved(&to.url, base).await?;
    let url = Url::parse(address.expose_secret().trim()).ok().filter(is_safe);
    let url = url.ok_or_else(|| Undelivered::for_good("what `url` stands for is no https address"))?;
    let mut request = Request::writes(Method::POST, url, "*/*");
    request.secret_path = true;
    request.body = Some(Body::new("application/json", json!({ "text": text(notice, link) }).to_string()));
    send(&client(name, None, base)?, request).await
}

/// One event in its JSON form.
pub(super) fn event(notice: &Notice, link: Option<&str>) -> Json {
    let mut data = json!({
        "kind": kind_word(notice.kind),
        "workspace": &*notice.workspace,
        "about": notice.about,
        "words": notice.words,
        "next": notice.next,
        "since": notice.since.to_string(),
        "again": notice.again,
        "thread": notice.thread,
        "counts": notice.counts,
    });
    if let Some(link) = link {
        data["link"] = link.into();
    }
    json!({
        "specversion": "1.0",
        "id": notice.id,
        "source": format!("/headcount/{}", notice.workspace),
        "type": notice.event(),
        "subject": notice.about,
        "time": notice.at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// Plain words; what Slack would take for a mention or a link is spelt out.
fn text(notice: &Notice, link: Option<&str>) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut lines = vec![format!("*{}*", plain(&notice.title())), plain(&notice.words)];
    lines.push(format!("since {}; `{}`", minute(notice.since), plain(&notice.next).replace('`', "'")));
    lines.extend(link.map(plain));
    lines.join("\n")
}

async fn signer(secret: &SecretRef, base: &Path) -> Result<Signer, Undelivered> {
    Signer::new(resolved(secret, base).await?.expose_secret()).map_err(Undelivered::for_good)
}

/// A secret that is not there now may be there later.
pub(super) async fn resolved(secret: &SecretRef, base: &Path) -> Result<SecretString, Undelivered> {
    secret::resolve(secret, base).await.map_err(|error| Undelivered::for_now(error.to_string()))
}

fn client(name: &str, ca_file: Option<&str>, base: &Path) -> Result<Client, Undelivered> {
    let settings = Settings {
        system: Arc::from(name),
        timeout: TIMEOUT,
        max_body: MAX_ANSWER,
        credentials: None,
        renew: None,
        ca_file: ca_file.map(|file| base.join(file)),
        identity: None,
        detour: None,
        recording: None,
    };
    Client::new(&settings).map_err(|error| Undelivered::for_good(error.to_string()))
}

async fn send(client: &Client, request: Request) -> Result<(), Undelivered> {
    match client.send(request).await {
        Ok(answer) if answer.succeeded() => Ok(()),
        Ok(answer) => Err(refusal(&answer)),
        // It is known by its id, so it does not matter whether it was heard.
        Err(
            error @ (SystemError::Unavailable(_) | SystemError::Unreachable(_) | SystemError::Uncertain(_) | SystemError::Throttled { .. }),
        ) => Err(Undelivered::for_now(error.to_string())),
        Err(error) => Err(Undelivered::for_good(error.to_string())),
    }
}

fn refusal(answer: &Response) -> Undelivered {
    let words = format!("{} answers HTTP {}", answer.place(), answer.status);
    match answer.status {
        408 | 425 | 429 | 500..=599 => Undelivered { words, again: Some(answer.retry_after.unwrap_or_default()) },
        300..=399 => Undelivered::for_good(format!("{words}: it redirects, which is never followed")),
        _ => Undelivered::for_good(words),
    }
}

/// Over https, or to this machine.
fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")))
}
