//! A SCIM service: all of its accounts beside a plain client that fetches the same pages, and creates in Bulk beside single ones.

use std::hint::black_box;
use std::time::Duration;

use headcount::manifest::kinds::TargetConnection;
use serde_json::json;

use crate::service::Service;
use crate::{Size, applied, measure, runtime, told};

const ACCOUNTS: usize = 100_000;
const CREATES: usize = 10_000;
/// What a service takes to answer, which Bulk is there for.
const DELAY: Duration = Duration::from_millis(5);

fn connection(service: &Service, dialect: serde_json::Value) -> TargetConnection {
    serde_json::from_value(json!({ "scim": { "url": service.url(), "dialect": dialect } })).expect("a connection")
}

pub fn lists(size: &Size) {
    let many = size.of(ACCOUNTS);
    let service = Service::start(many, Duration::ZERO);
    let ours = connection(&service, json!({}));
    // Once, so that the plain client asks for pages of the same size.
    applied::read(&ours, &applied::ATTRIBUTES, many);
    let page = service.page_size();
    println!("{many} accounts in pages of {page}");
    let mut rows = [("plain client", Vec::new()), ("headcount reads", Vec::new())];
    for _ in 0..size.rounds {
        rows[0].1.push(measure(|| plain(&service, page, many)));
        rows[1].1.push(measure(|| applied::read(&ours, &applied::ATTRIBUTES, many)));
    }
    told(many, &rows, true);
}

/// What anybody would write who needs the list once.
fn plain(service: &Service, page: usize, many: usize) {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let came = runtime().block_on(async {
        let mut came = 0;
        while came < many {
            let url = format!("{}/Users?startIndex={}&count={page}", service.url(), came + 1);
            let bytes = client.get(url).send().await.expect("an answer").bytes().await.expect("all of it");
            let list: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            came += black_box(list["Resources"].as_array().expect("a list")).len();
        }
        came
    });
    assert_eq!(came, many);
}

pub fn bulk(size: &Size) {
    let many = size.of(CREATES);
    let plan = applied::plan(many);
    let service = Service::start(0, DELAY);
    let (single, bulk) = (connection(&service, json!({ "bulk": false })), connection(&service, json!({})));
    let mut rows = [("single creates", Vec::new()), ("creates in Bulk", Vec::new())];
    for _ in 0..size.rounds {
        rows[0].1.push(applied::applied(&single, &plan));
        rows[1].1.push(applied::applied(&bulk, &plan));
    }
    println!("{many} creates at a service that takes {} ms to answer, whatever it is asked", DELAY.as_millis());
    told(many, &rows, true);
}
