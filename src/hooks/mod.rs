//! Webhooks in: what a system sends when something changed there. A scheme is data of a Connector (`manifest::kinds::connector::WebhookSpec`), or one of the two hosts of
//! repositories that headcount knows.
//!
//! Pure: the message, the secret and the time come in, and what it means comes out. Must never: believe anything of a message but that something changed, read its body
//! before its proof, or take longer for a proof that is nearly right.

mod message;
mod proof;
mod receiver;
mod repeats;
#[cfg(test)]
mod tests;

pub use message::HookMessage;
pub use receiver::{HookAnswer, HookReceiver, HookRefusal, ManifestHost};
pub use repeats::Repeats;
