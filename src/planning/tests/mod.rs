//! The rules of planning, each as a small story.

mod accounts;
mod belonging;
mod concern;
mod contradictions;
mod departed;
mod each;
mod emptied;
mod entitlements;
mod evidence;
mod groups;
mod handover;
mod keys;
mod lifecycle;
mod limits;
mod names;
mod nobody;
mod ownership;
mod people;
mod referred;
mod renames;
mod revocations;
mod sources;
mod statuses;
mod strangers;
mod values;
mod vanished;
