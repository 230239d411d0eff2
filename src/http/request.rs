//! One request: what is asked, of whom, and whether it changes anything there.
//!
//! Must never: tell from the verb whether something is read; many services search by POST.

use std::borrow::Cow;

use bytes::Bytes;
use reqwest::Method;
use url::Url;

use crate::fence::Fence;

/// What a request does at the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// nothing: it may be sent again, and a lost answer is no loss
    #[default]
    Reads,
    /// something may be different there afterwards, answer or not
    Writes,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// the verb
    pub method: Method,
    /// where to
    pub url: Url,
    /// what it does there
    pub effect: Effect,
    /// the media types that the answer may have
    pub accept: Cow<'static, str>,
    /// headers that the protocol asks for beside these; never credentials
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// only if the resource still has this version
    pub if_match: Option<String>,
    /// the content
    pub body: Option<Body>,
    /// most bytes of the answer, where that is less than the client's bound
    pub most: Option<usize>,
    /// of one that writes: asked as each of its bytes goes out
    pub fence: Fence,
    /// the path is a secret: whoever knows it may ask the same
    pub secret_path: bool,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub struct Body {
    /// its media type
    pub media_type: Cow<'static, str>,
    /// the content
    pub bytes: Bytes,
}

impl Request {
    /// One that reads, whatever its verb.
    pub fn reads(method: Method, url: Url, accept: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method,
            url,
            effect: Effect::Reads,
            accept: accept.into(),
            headers: Vec::new(),
            if_match: None,
            body: None,
            most: None,
            fence: Fence::open(),
            secret_path: false,
        }
    }

    /// One that changes something. Whoever needs leave for that says whom to ask (`fence`).
    pub fn writes(method: Method, url: Url, accept: impl Into<Cow<'static, str>>) -> Self {
        Self { effect: Effect::Writes, ..Self::reads(method, url, accept) }
    }
}

impl Body {
    /// Of a media type.
    pub fn new(media_type: impl Into<Cow<'static, str>>, bytes: impl Into<Bytes>) -> Self {
        Self { media_type: media_type.into(), bytes: bytes.into() }
    }
}
