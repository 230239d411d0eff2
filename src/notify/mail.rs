//! Messages by e-mail: plain text, those of one cause in one thread.
//!
//! Must never: hand anything to a server over a way that is not as protected as the manifest says, or put a line break of a message into a header.

use std::path::Path;
use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters, TlsParametersBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;

use super::Undelivered;
use super::notice::{Notice, minute};
use super::post::resolved;
use crate::files;
use crate::manifest::kinds::{EmailReceiver, MailTls};

const TIMEOUT: Duration = Duration::from_secs(30);
/// A certificate file larger than this is none.
const MAX_CA_FILE: u64 = 4 << 20;

type Server = AsyncSmtpTransport<Tokio1Executor>;

/// Hands a message to the server.
pub(super) async fn send(to: &EmailReceiver, notice: &Notice, link: Option<&str>, base: &Path) -> Result<(), Undelivered> {
    let message = message(to, notice, link)?;
    let server = server(to, base).await?;
    // What a server says may repeat anything; its words stay out.
    server.send(message).await.map(|_| ()).map_err(|error| {
        let code = error.status().map_or_else(String::new, |code| format!(" with {code}"));
        let place = &to.server;
        if error.is_permanent() {
            Undelivered::for_good(format!("{place} refuses{code}"))
        } else if error.is_tls() {
            Undelivered::for_now(format!("{place}: its TLS can't be used"))
        } else if error.is_timeout() {
            Undelivered::for_now(format!("{place} did not answer in time"))
        } else if error.is_transient() {
            Undelivered::for_now(format!("{place} puts it off{code}"))
        } else if error.is_client() {
            Undelivered::for_good(format!("{place} does not offer what is asked of it: STARTTLS, or a way to sign in"))
        } else {
            Undelivered::for_now(format!("{place} can't be reached"))
        }
    })
}

async fn server(to: &EmailReceiver, base: &Path) -> Result<Server, Undelivered> {
    let (tls, port) = match to.tls.unwrap_or(MailTls::StartTls) {
        MailTls::StartTls => (Tls::Required(parameters(to, base)?), 587),
        MailTls::Implicit => (Tls::Wrapper(parameters(to, base)?), 465),
        MailTls::None => (Tls::None, 25),
    };
    let mut server = Server::builder_dangerous(&to.server).port(to.port.unwrap_or(port)).tls(tls).timeout(Some(TIMEOUT));
    if let Some(auth) = &to.auth {
        let password = resolved(&auth.password, base).await?;
        server = server.credentials(Credentials::new(auth.username.clone(), password.expose_secret().to_owned()));
    }
    Ok(server.build())
}

fn parameters(to: &EmailReceiver, base: &Path) -> Result<TlsParameters, Undelivered> {
    let wrong = |what: String| Undelivered::for_good(format!("caFile {what}"));
    let mut parameters: TlsParametersBuilder = TlsParameters::builder(to.server.clone());
    if let Some(file) = &to.ca_file {
        let pem = files::read(&base.join(file), MAX_CA_FILE).map_err(|error| wrong(format!("{file}: {error}")))?;
        let authority = Certificate::from_pem(&pem).map_err(|_| wrong(format!("{file} holds no PEM certificate")))?;
        parameters = parameters.add_root_certificate(authority);
    }
    parameters.build_rustls().map_err(|_| Undelivered::for_good("TLS can't start with these certificates"))
}

fn message(to: &EmailReceiver, notice: &Notice, link: Option<&str>) -> Result<Message, Undelivered> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|_| Undelivered::for_good(format!("`{text}` is no e-mail address")));
    let from = mailbox(&to.from)?;
    let host = from.email.domain().to_owned();
    let first = format!("<{}@{host}>", notice.thread);
    let mut message = Message::builder()
        .subject(one_line(&notice.title()))
        .message_id(Some(format!("<{}@{host}>", notice.id)))
        .in_reply_to(first.clone())
        .references(first)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .from(from);
    for address in &to.to {
        message = message.to(mailbox(address)?);
    }
    message.body(text(notice, link)).map_err(|_| Undelivered::for_good("the message can't be put together"))
}

fn text(notice: &Notice, link: Option<&str>) -> String {
    let mut lines = vec![format!("{}.", notice.words.trim_end_matches('.')), String::new()];
    lines.push(format!("workspace  {}", notice.workspace));
    lines.push(format!("about      {}", one_line(&notice.about)));
    lines.push(format!("since      {}", minute(notice.since)));
    lines.push(format!("next       {}", notice.next));
    lines.extend(notice.counts.iter().map(|(word, many)| format!("{word:<10} {many}")));
    lines.extend(link.map(|link| format!("look       {link}")));
    lines.push(String::new());
    lines.join("\r\n")
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// No holiday message comes back (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
