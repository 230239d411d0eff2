//! What a connector does so that its system sends webhooks: makes subscriptions, renews and stops them.
//!
//! A subscription is nothing of a person's, and two of them do no harm, so neither leave to write nor a lock is asked for. Must never: keep the secret that proves webhooks.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::model::{MadeSubscription, SystemError};
use crate::secret::SecretString;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct SubscriptionAsked {
    /// what it is of, where the system has one for each of several things
    pub each: Option<Arc<str>>,
    /// where messages are to be sent
    pub url: String,
    /// what proves them
    pub secret: SecretString,
    /// now
    pub at: Timestamp,
}

/// Makes them.
pub trait Subscriber: Send + Sync {
    /// Another one.
    fn make<'a>(&'a self, asked: &'a SubscriptionAsked) -> BoxFuture<'a, Result<MadeSubscription, SystemError>>;

    /// One that goes on; nothing where its system knows no such thing, and another one has to be made.
    fn renew<'a>(
        &'a self,
        asked: &'a SubscriptionAsked,
        made: &'a MadeSubscription,
    ) -> BoxFuture<'a, Result<Option<MadeSubscription>, SystemError>>;

    /// It ends. One that is not there any more has ended.
    fn stop<'a>(&'a self, asked: &'a SubscriptionAsked, made: &'a MadeSubscription) -> BoxFuture<'a, Result<(), SystemError>>;
}
