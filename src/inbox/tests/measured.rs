//! What very many users cost. Nothing is asserted of time: it is run by hand, and docs/inbound.md has what it said.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use serde_json::json;

use super::changes::Follower;
use super::{House, USER};
use crate::inbox::{ListPaging, SearchAsked};

const USERS: usize = 100_000;
/// As a token may.
const AT_ONCE: usize = 32;

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: cargo test --lib inbox::tests::measured -- --ignored --nocapture"]
async fn a_hundred_thousand_users() {
    let house = House::new().await;
    house.inboxes.used("entra", "one", Timestamp::now()).await.unwrap();
    let (began, before) = (Instant::now(), resident());
    let push = |number: usize| {
        let inboxes = house.inboxes.clone();
        async move {
            let user = json!({
                "userName": format!("user{number}@acme.example"), "externalId": format!("{number:08}-b4c2-4f6e-9d0a-3c1e5f7a9b2d"), "active": true,
                "displayName": format!("User {number}"), "name": {"givenName": "User", "familyName": number.to_string()}, "title": "Engineer",
                "emails": [{"value": format!("user{number}@acme.example"), "type": "work", "primary": true}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": format!("d{}", number % 50), "employeeNumber": number.to_string()},
            });
            inboxes.create("entra", USER, &user).await.unwrap()
        }
    };
    stream::iter(0..USERS).map(push).buffer_unordered(AT_ONCE).for_each(|_| async {}).await;
    let took = began.elapsed();
    println!("{USERS} pushed, {AT_ONCE} at once: {took:.1?}, {:.0}/s", USERS as f64 / took.as_secs_f64());
    println!("at hand: {} MiB", (resident() - before) / 1024);

    let (began, mut after, mut told, mut longest) = (Instant::now(), None, 0, 0);
    loop {
        let (one, asked) = (Instant::now(), SearchAsked { paging: ListPaging::After(after), count: 1000, ..SearchAsked::default() });
        let page = house.inboxes.look("entra", |inbox| inbox.search(&[USER], &asked, "")).await.unwrap().unwrap();
        told += serde_json::to_string(&page.resources).unwrap().len();
        longest = longest.max(one.elapsed().as_millis());
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    println!("listed in pages of 1,000: {:.1?}, {} MiB, the longest page {longest} ms", began.elapsed(), told >> 20);

    let mut follower = Follower::of(&house).await;
    let began = Instant::now();
    assert!(!follower.follow().await);
    println!("read as a whole: {:.1?}", began.elapsed());
    house.post(USER, json!({"userName": "one more", "externalId": "one more"})).await.unwrap();
    let began = Instant::now();
    assert!(follower.follow().await);
    println!("one changed record: {:.1?}", began.elapsed());
    let began = Instant::now();
    let again = house.again().await;
    again.look("entra", |inbox| assert_eq!(inbox.size().users, USERS + 1)).await.unwrap();
    println!("taken over by another process: {:.1?}", began.elapsed());
}
