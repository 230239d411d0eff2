//! What tests of writers share.

use std::sync::Arc;
use std::time::Duration;

use super::Permit;
use super::limiter::{ALL, Lane, Limiter};
use crate::fence::Fence;

#[path = "../../tests/support/answers.rs"]
#[allow(dead_code, reason = "the unit tests and the integration tests need different parts")]
pub mod answers;

/// Leave to write where nobody limits it.
pub async fn permit() -> Permit {
    permit_under(&Fence::open()).await
}

/// The same under a lock.
pub async fn permit_under(fence: &Fence) -> Permit {
    let turn = Arc::new(Limiter::default()).enter(ALL, Lane::Free, Duration::ZERO).await;
    Permit::grant(turn.expect("no limit"), fence)
}
