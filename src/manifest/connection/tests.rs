//! A system is what is spoken to.

use super::*;

fn scim(url: &str, more: serde_json::Value) -> String {
    let mut json = more;
    json["url"] = url.into();
    serde_json::from_value::<ScimConnection>(json).unwrap().system()
}

fn sqlite(path: &str, table: &str) -> String {
    let json =
        serde_json::json!({"database": {"sqlite": {"path": path}}, "accounts": {"table": table, "key": "id", "only": {"tenant": 7}}});
    serde_json::from_value::<SqlConnection>(json).unwrap().system()
}

#[test]
fn a_system_is_what_is_spoken_to_and_not_how() {
    let tuned = serde_json::json!({"pageSize": 7, "timeout": "9s", "auth": {"bearer": {"env": "OTHER"}}});
    assert_eq!(scim("HTTPS://Chat.example:443/Scim/v2/", tuned), "scim https://chat.example/Scim/v2");
    assert_ne!(scim("https://chat.example/v2", serde_json::json!({})), scim("https://chat.example/v3", serde_json::json!({})));
    assert_eq!(sqlite("./data//x/../app.db", "users"), "sqlite data/app.db users.id tenant=7");
    assert_ne!(sqlite("a.db", "users"), sqlite("a.db", "people"));
}
