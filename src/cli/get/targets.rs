//! Targets: what each has, and how much of it is ours.

use std::sync::Arc;

use super::Row;
use super::labels;
use crate::planning::explain::ListedTarget;
use crate::render::table::TextTable;

impl Row for ListedTarget {
    const LIST: &'static str = "targets";
    const ONE: &'static str = "target";

    fn is_at(&self, targets: &[String]) -> bool {
        targets.is_empty() || targets.iter().any(|target| target.as_str() == self.name.as_ref())
    }

    fn names(&self) -> Vec<&str> {
        vec![self.name.as_ref()]
    }

    fn key(&self) -> Arc<str> {
        self.name.clone()
    }

    fn declared_by(&self) -> Option<Arc<str>> {
        Some(labels::of_target(&self.name))
    }

    fn table(rows: &[&Self], wide: bool) -> TextTable {
        let mut heads = vec!["NAME", "ACCOUNTS", "SIGN-IN", "OURS", "NOBODY'S", "GROUPS"];
        if wide {
            heads.push("NOT READ");
        }
        let row = |target: &&Self| {
            let counts = [target.accounts, target.active, target.claimed, target.nobodys, target.groups];
            let mut cells = vec![target.name.to_string()];
            cells.extend(counts.map(|count| count.to_string()));
            if wide {
                cells.push(target.unread.join("; "));
            }
            cells
        };
        TextTable { heads, rows: rows.iter().map(row).map(Into::into).collect() }
    }
}
