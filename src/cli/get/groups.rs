//! Groups: at which target each is, and how many are in it.

use std::sync::Arc;

use super::{Row, list};
use crate::model::Key;
use crate::planning::explain::{GroupStands, ListedGroup};
use crate::render::table::TextTable;

impl Row for ListedGroup {
    const LIST: &'static str = "groups";
    const ONE: &'static str = "group";

    fn is_at(&self, targets: &[String]) -> bool {
        targets.is_empty() || targets.iter().any(|target| target.as_str() == self.target.as_ref())
    }

    fn names(&self) -> Vec<&str> {
        let short = self.key.as_deref().map(Key::group_name);
        let known = [self.key.as_deref(), self.id.as_deref(), short];
        [self.name.as_ref()].into_iter().chain(known.into_iter().flatten()).collect()
    }

    fn key(&self) -> Arc<str> {
        let id = || Key::unclaimed(self.id.as_deref().unwrap_or_default()).text();
        self.key.clone().unwrap_or_else(id)
    }

    fn declared_by(&self) -> Option<Arc<str>> {
        self.declared_by.clone()
    }

    fn table(rows: &[&Self], wide: bool) -> TextTable {
        let mut heads = vec!["NAME", "TARGET", "MEMBERS", "STANDS"];
        if wide {
            heads.extend(["KEY", "ID", "GROUPS IN IT"]);
        }
        let row = |group: &&Self| {
            let members = group.members.map(|members| members.to_string()).unwrap_or_default();
            let stands = match group.is {
                GroupStands::Declared => "declared",
                GroupStands::Missing => "declared, not there yet",
                GroupStands::Unclear => "can't be told",
                GroupStands::Former => "not declared any more",
                GroupStands::Nobodys => "nobody's",
            };
            let mut cells = vec![group.name.to_string(), group.target.to_string(), members, stands.to_owned()];
            if wide {
                let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or_default().to_owned();
                cells.extend([text(&group.key), text(&group.id), list(&group.nested)]);
            }
            cells
        };
        TextTable { heads, rows: rows.iter().map(row).map(Into::into).collect() }
    }
}
