//! The connector against a service that answers what a test tells it to.

mod read;
mod scripted;
mod write;
