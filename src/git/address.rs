//! The address of a repository that is followed: which way it goes, and how it is shown.
//!
//! Must never: show who signs in, take a password, or take a way by which git would start a program.

use std::path::Path;

use url::{Host, Url};

use super::GitError;

/// Which way an address goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// over TLS
    Https,
    /// openly
    Http,
    /// over SSH
    Ssh,
    /// git's own, openly
    Git,
    /// on this machine
    File,
}

impl Scheme {
    /// As git calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Git => "git",
            Self::File => "file",
        }
    }
}

/// Where a repository is.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    url: Url,
    scheme: Scheme,
    /// as it was written where that is no address of the web's form: its path counts from a user's folder
    short: Option<String>,
}

impl std::fmt::Debug for RemoteUrl {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.shown())
    }
}

impl RemoteUrl {
    /// Reads an address as people write it: `https://…`, `ssh://git@host/…`, `git@host:path`, or a folder of this machine.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        if text.is_empty() || text.contains(|sign: char| sign.is_control() || sign.is_whitespace()) {
            return Err(wrong("the repository's address is empty, or has a blank in it", WRITTEN));
        }
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_| wrong("the repository's address can't be read", WRITTEN))?;
            return Self::of(url);
        }
        if text.split('/').next().is_some_and(|first| first.contains("::")) {
            return Err(wrong("an address of this form would start a program", WRITTEN));
        }
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') && !path.is_empty() => {
                let url = Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/')));
                let read = Self::of(url.map_err(|_| wrong("the repository's address can't be read", WRITTEN))?)?;
                Ok(Self { short: Some(text.to_owned()), ..read })
            }
            _ => Self::folder(Path::new(text)),
        }
    }

    fn folder(path: &Path) -> Result<Self, GitError> {
        let nowhere = |_| wrong("the repository's address is neither one of a host nor a folder of this machine", WRITTEN);
        let whole = path.canonicalize().map_err(nowhere)?;
        let url = Url::from_file_path(&whole).map_err(|()| wrong("the folder's path can't be written as an address", WRITTEN))?;
        Self::of(url)
    }

    fn of(url: Url) -> Result<Self, GitError> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "ssh" => Scheme::Ssh,
            "git" => Scheme::Git,
            "file" => Scheme::File,
            _ => return Err(wrong("the repository's address has a way that is not taken", WRITTEN)),
        };
        if scheme != Scheme::File && url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) {
            return Err(wrong("the repository's address names no host", WRITTEN));
        }
        if url.password().is_some() || (scheme != Scheme::Ssh && !url.username().is_empty()) {
            let hint = "take name and password out of it and change them; hand a token over as HEADCOUNT_GIT_TOKEN";
            return Err(wrong("the repository's address says who signs in", hint));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("the repository's address has more than a path", WRITTEN));
        }
        Ok(Self { url, scheme, short: None })
    }

    /// Which way it goes.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As git takes it.
    pub(super) fn as_git_takes_it(&self) -> &str {
        self.short.as_deref().unwrap_or(self.url.as_str())
    }

    /// For people, without who signs in.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        // A name is no more than that, but it is nobody's business in a log.
        let _ = url.set_username("");
        url.to_string()
    }

    /// The host; none of this machine.
    pub fn host(&self) -> Option<&str> {
        self.url.host_str().filter(|_| self.scheme != Scheme::File)
    }

    /// The path at the host, without what stands around it: `acme/identity`.
    pub fn repository(&self) -> &str {
        let path = self.url.path().trim_matches('/');
        path.strip_suffix(".git").unwrap_or(path)
    }

    /// `https://git.acme.example:8443/`, which settings of git for a host are bound to.
    pub(super) fn http_host(&self) -> Option<String> {
        matches!(self.scheme, Scheme::Https | Scheme::Http).then(|| format!("{}/", self.url.origin().ascii_serialization()))
    }

    /// Whether somebody on the way could read along, and put something else in its place.
    pub fn goes_openly(&self) -> bool {
        let here = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => true,
        };
        // Of other schemes than the web's the parser takes no address of numbers for one.
        let here = here || self.url.host_str().and_then(|host| host.parse::<std::net::IpAddr>().ok()).is_some_and(|ip| ip.is_loopback());
        matches!(self.scheme, Scheme::Http | Scheme::Git) && !here
    }
}

const WRITTEN: &str = "write https://HOST/OWNER/NAME.git, ssh://git@HOST/OWNER/NAME.git, git@HOST:OWNER/NAME.git, or a folder";

fn wrong(what: &str, hint: &str) -> GitError {
    GitError::Usage { what: what.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them_and_shown_without_who_signs_in() {
        let table = [
            ("https://git.acme.example/acme/identity.git", "https://git.acme.example/acme/identity.git", "acme/identity"),
            ("ssh://git@git.acme.example:2222/acme/identity", "ssh://git.acme.example:2222/acme/identity", "acme/identity"),
            ("git@git.acme.example:acme/identity.git", "ssh://git.acme.example/acme/identity.git", "acme/identity"),
            ("git.acme.example:/srv/identity.git", "ssh://git.acme.example/srv/identity.git", "srv/identity"),
            ("git://127.0.0.1:9418/identity", "git://127.0.0.1:9418/identity", "identity"),
        ];
        for (text, shown, repository) in table {
            let url = RemoteUrl::parse(text).unwrap();
            assert_eq!((url.shown().as_str(), url.repository(), url.goes_openly()), (shown, repository, false), "{text}");
            assert!(!format!("{url:?}").contains("git@"), "{url:?}");
        }
        assert!(RemoteUrl::parse("git@git.acme.example:acme/x").unwrap().as_git_takes_it().contains("git@"));
        for open in ["http://git.acme.example/x", "git://git.acme.example/x"] {
            assert!(RemoteUrl::parse(open).unwrap().goes_openly());
        }
        let folder = tempfile::tempdir().unwrap();
        let here = RemoteUrl::parse(folder.path().to_str().unwrap()).unwrap();
        assert_eq!((here.scheme(), here.host()), (Scheme::File, None));
    }

    #[test]
    fn what_holds_a_secret_or_would_start_a_program_is_refused_without_a_word_of_it() {
        for text in [
            "https://s3cret@git.acme.example/x",
            "https://mara:s3cret@git.acme.example/x",
            "ssh://git:s3cret@git.acme.example/x",
            "ext::sh -c s3cret",
            "ext::s3cret",
            "s3cret::https://git.acme.example/x",
            "https://git.acme.example/x?private_token=s3cret",
            "https://git.acme.example/x#s3cret",
            "ftp://git.acme.example/s3cret",
            "ssh://-oProxyCommand=s3cret/x",
            "-oProxyCommand=s3cret:x",
            "https://git.acme.example/x\n[s3cret]",
            "",
        ] {
            let told = RemoteUrl::parse(text).unwrap_err();
            assert!(!told.to_string().contains("s3cret") && told.hint().is_some(), "{text}: {told}");
        }
    }
}
