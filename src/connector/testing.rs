//! What tests of writers share.

use std::sync::Arc;
use std::time::Duration;

use super::Permit;
use super::limiter::{ALL, Lane, Limiter};
use crate::fence::Fence;

/// Leave to write where nobody limits it.
pub async fn permit() -> Permit {
    permit_under(&Fence::open()).await
}

/// The same under a lock.
pub async fn permit_under(fence: &Fence) -> Permit {
    let turn = Arc::new(Limiter::default()).enter(ALL, Lane::Free, Duration::ZERO).await;
    Permit::grant(turn.expect("no limit"), fence)
}
