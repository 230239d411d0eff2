//! The connector against a service that answers what a test tells it to.

mod answers;
mod dialect;
mod patience;
mod read;
pub(in crate::connector) mod scripted;
mod silent;
mod write;

use super::service::{base_url, page_size};
use crate::model::SystemError;

#[test]
fn a_page_is_as_large_as_the_service_allows_within_reason() {
    let pages = [(None, None), (None, Some(200)), (None, Some(5000)), (Some(50), Some(200)), (Some(1000), Some(200)), (Some(0), None)];
    assert_eq!(pages.map(|(wanted, most)| page_size(wanted, most)), [100, 200, 500, 50, 200, 100]);
}

#[test]
fn a_base_is_a_plain_https_url() {
    for odd in [
        "chat.example/scim",
        "ftp://chat.example",
        "https://u:p@chat.example/scim",
        "https://chat.example/scim?x=1",
        "https://chat.example/#a",
    ] {
        assert!(matches!(base_url(odd), Err(SystemError::Rejected(words)) if !words.contains("u:p")), "{odd}");
    }
    assert!(base_url("https://chat.example/scim/v2/").is_ok());
}
