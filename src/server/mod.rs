//! Pages and an API for people and programs: what the state tells and the workspace knows, shown to whoever may see it; and what they ask for, put where commands put it.
//!
//! Whoever comes is somebody (`guard`): by an assertion that a proxy signed, by a session that began at a provider (`sign_in`), by a token of the API, or, where nobody set anything up, because they are on this machine;
//! then they may look and do nothing. `desk` is what is reached, `acts` what may be asked for, `api` and `pages` say it.
//! Must never: believe a header that nobody signed, show anything of people to whoever may not see it, decide about a change, or work a thing out that planning,
//! pipeline or render say already.

mod acts;
mod anew;
mod answer;
mod api;
mod assertion;
mod desk;
mod guard;
mod hooks;
mod inbound;
mod oidc;
mod pace;
mod pages;
mod session;
mod settings;
mod sign_in;
#[cfg(test)]
mod tests;
mod token;
mod visitor;
mod worked_out;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

pub use desk::{Desk, Site};
pub use hooks::ManifestHooks;
pub use inbound::{Inbound, inbound_routes};
pub use settings::{SiteError, SiteSettings};
pub use token::{MadeToken, make as make_token, make_to_push as make_push_token};

/// Nothing that is asked is longer.
const MAX_BODY: usize = 64 << 10;

/// All of it.
pub fn routes(site: &Arc<Site>) -> Router {
    let guarded = Router::new().merge(api::routes()).merge(pages::routes()).merge(sign_in::routes()).fallback(guard::nothing);
    let guarded = guarded.layer(from_fn_with_state(site.clone(), guard::guard)).with_state(site.clone());
    pages::assets()
        .merge(sign_in::open_routes().with_state(site.clone()))
        .merge(guarded)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(guard::headers))
}
