//! Receivers of notifications can be told apart and reached, over ways on which nobody reads along; their secrets are references.

use std::collections::HashSet;

use super::secrets;
use super::{Context, Diagnostic, Origin};
use crate::manifest::kinds::{EmailReceiver, MailTls, NotificationReceiver, NotificationWay};

/// More receivers are a mistake.
const MOST: usize = 50;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let Some(workspace) = &context.loaded.workspace else { return };
    let mut check = Check { context, origin: &workspace.origin, problems };
    let receivers = &workspace.spec.notifications;
    if receivers.len() > MOST {
        check.wrong("", "there are more than 50 receivers".into(), "tell one of them, which tells the others");
    }
    let mut names = HashSet::new();
    for (at, receiver) in receivers.iter().enumerate() {
        if !names.insert(receiver.name.as_str()) {
            let message = format!("two receivers are called `{}`", receiver.name);
            check.wrong(&format!("{at}/name"), message, "give each a name of its own: the status and metrics tell them apart by it");
        }
        check.receiver(at, receiver);
    }
}

struct Check<'c, 'a> {
    context: &'c Context<'a>,
    origin: &'c Origin,
    problems: &'c mut Vec<Diagnostic>,
}

impl Check<'_, '_> {
    fn receiver(&mut self, at: usize, receiver: &NotificationReceiver) {
        let name = &receiver.name;
        let is_name = name.len() <= 63 && name.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"-_.".contains(&sign));
        if name.is_empty() || !is_name {
            self.wrong(
                &format!("{at}/name"),
                format!("`{name}` is no name of a receiver"),
                "use letters, digits, `-`, `_` and `.`, at most 63",
            );
        }
        if let Some(link) = &receiver.link {
            self.address(&format!("{at}/link"), link, true);
        }
        let way = format!("{at}/to/{}", receiver.to.word());
        match &receiver.to {
            NotificationWay::Webhook(webhook) => self.address(&format!("{way}/url"), &webhook.url, false),
            NotificationWay::Slack(_) => {}
            NotificationWay::Email(email) => self.email(&way, email),
        }
        for (part, secret) in receiver.to.secrets() {
            secrets::reference(self.context, self.origin, &pointer(&format!("{way}/{part}")), secret, self.problems);
        }
    }

    fn address(&mut self, field: &str, text: &str, may_be_open: bool) {
        let hint = "write it with its scheme: `https://ops.acme.example/hooks/headcount`";
        match url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some()) {
            None => self.wrong(field, "this is no address".into(), hint),
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                let problem = Diagnostic::error("the address holds a secret").conceal();
                let hint = "take it out and change it: messages are signed with `secret`, so the receiver needs no other proof";
                self.problems.push(self.context.at(self.origin, &pointer(field), problem.hint(hint)));
            }
            Some(url) if url.scheme() == "http" && !is_here(url.host_str().unwrap_or_default()) && !may_be_open => {
                self.wrong(field, "messages would go over plain http, where anybody on the way reads them".into(), "use https");
            }
            Some(_) => {}
        }
    }

    fn email(&mut self, way: &str, email: &EmailReceiver) {
        let is_host = |sign: u8| sign.is_ascii_alphanumeric() || b"-.:[]".contains(&sign);
        if email.server.is_empty() || !email.server.bytes().all(is_host) {
            let hint = "write its name alone: `smtp.acme.example`; the port is `port`";
            self.wrong(&format!("{way}/server"), format!("`{}` is no mail server", email.server), hint);
        }
        if email.tls == Some(MailTls::None) && !is_here(&email.server) {
            let hint = "leave `tls` out (STARTTLS), or say `tls: implicit`; `none` is for a server on this machine";
            self.wrong(&format!("{way}/tls"), "messages would go unprotected to another machine".into(), hint);
        }
        if email.tls == Some(MailTls::None) && email.auth.is_some() {
            self.wrong(&format!("{way}/auth"), "the password would go unprotected".into(), "leave `auth` out, or protect the way");
        }
        if email.to.is_empty() {
            self.wrong(&format!("{way}/to"), "nobody gets these messages".into(), "write at least one address: `to: [ops@acme.example]`");
        }
        let others = email.to.iter().enumerate().map(|(at, address)| (format!("{way}/to/{at}"), address));
        for (field, address) in [(format!("{way}/from"), &email.from)].into_iter().chain(others) {
            if !is_mailbox(address) {
                let hint = "write `ops@acme.example`, or `Operations <ops@acme.example>`";
                self.wrong(&field, format!("`{address}` is no e-mail address"), hint);
            }
        }
    }

    fn wrong(&mut self, field: &str, message: String, hint: &'static str) {
        self.problems.push(self.context.at(self.origin, &pointer(field), Diagnostic::error(message).hint(hint)));
    }
}

fn pointer(field: &str) -> String {
    if field.is_empty() { "/spec/notifications".into() } else { format!("/spec/notifications/{field}") }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1")
}

/// An address, alone or in angle brackets behind a name. What exactly a server takes it says itself.
fn is_mailbox(text: &str) -> bool {
    let inner = match text.trim().strip_suffix('>') {
        Some(named) => named.split_once('<').map_or("", |(_, inner)| inner),
        None => text.trim(),
    };
    let plain = !inner.contains(|sign: char| sign.is_whitespace() || sign.is_control() || "<>,;".contains(sign));
    plain
        && !text.contains(char::is_control)
        && inner.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use crate::manifest::tests::{read, told};

    fn workspace(receivers: &str) -> String {
        format!(
            "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: acme}}\nspec:\n  id: acme\n  notifications:\n{receivers}"
        )
    }

    #[test]
    fn receivers_as_the_page_shows_them_are_taken() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md")).expect("the page");
        let example = page
            .split("```yaml\n")
            .find(|block| block.contains("notifications:"))
            .and_then(|block| block.split("```").next())
            .expect("an example");
        let (loaded, problems) = read(example);
        assert_eq!(problems, []);
        let ways: Vec<&str> =
            loaded.workspace.iter().flat_map(|workspace| &workspace.spec.notifications).map(|one| one.to.word()).collect();
        assert_eq!(ways, ["webhook", "slack", "email"]);
    }

    #[test]
    fn what_is_wrong_with_a_receiver_is_told_where_it_stands() {
        let text = workspace(
            "  - {name: ops, to: {webhook: {url: \"http://ops.example/x\", secret: {env: S}}}}
  - {name: ops, to: {slack: {url: {env: \"https://hooks.slack.com/services/T0/B0/x\"}}}}
  - {name: \"o p\", to: {webhook: {url: \"ops.example\", secret: {exec: []}}}, link: nowhere}
  - {name: w, to: {webhook: {url: \"https://ada:pw@ops.example\", secret: {env: S}}}}
  - {name: m, to: {email: {server: \"smtp://x\", tls: none, auth: {username: u, password: {env: P}}, from: nobody, to: []}}}
  - {name: n, to: {email: {server: smtp.example, from: \"Ops <ops@acme.example>\", to: [\"a@x, b@x\"]}}}
",
        );
        insta::assert_snapshot!(told(&text), @r"
        a.yaml:7:37: error: messages would go over plain http, where anybody on the way reads them (use https)
        a.yaml:8:12: error: two receivers are called `ops` (give each a name of its own: the status and metrics tell them apart by it)
        a.yaml:8:41: error: this looks like a secret, and not like the name of one (secrets never stand in a manifest; take it out, change it, and write `{env: NAME}` or `{file: PATH}`)
        a.yaml:9:12: error: `o p` is no name of a receiver (use letters, digits, `-`, `_` and `.`, at most 63)
        a.yaml:9:39: error: this is no address (write it with its scheme: `https://ops.acme.example/hooks/headcount`)
        a.yaml:9:63: error: `exec` names no command (write the command and its arguments as a list)
        a.yaml:9:82: error: this is no address (write it with its scheme: `https://ops.acme.example/hooks/headcount`)
        a.yaml:10:35: error: the address holds a secret (take it out and change it: messages are signed with `secret`, so the receiver needs no other proof)
        a.yaml:11:36: error: `smtp://x` is no mail server (write its name alone: `smtp.acme.example`; the port is `port`)
        a.yaml:11:53: error: messages would go unprotected to another machine (leave `tls` out (STARTTLS), or say `tls: implicit`; `none` is for a server on this machine)
        a.yaml:11:59: error: the password would go unprotected (leave `auth` out, or protect the way)
        a.yaml:11:106: error: `nobody` is no e-mail address (write `ops@acme.example`, or `Operations <ops@acme.example>`)
        a.yaml:11:114: error: nobody gets these messages (write at least one address: `to: [ops@acme.example]`)
        a.yaml:12:12: warning: `spec.notifications[5].name` is text here, and Kubernetes reads true or false, which it refuses (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
        a.yaml:12:87: error: `a@x, b@x` is no e-mail address (write `ops@acme.example`, or `Operations <ops@acme.example>`)
        ");
    }
}
