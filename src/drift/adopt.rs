//! The manifests as they must be so that what others did stays: edits where they stand, or one more User.
//!
//! Must never: change a document that several things are made of (`forEach`), or adopt what is to be looked at first without being told to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Drift, DriftKind};
use crate::manifest::kinds::{EntitlementSpec, GroupSpec, Member, UserSpec};
use crate::manifest::{API_VERSION, Document, Editor, Loaded, ManifestEdit, Origin, WrittenValue, flow, scalar};
use crate::model::{Key, Value};
use crate::policy::Policy;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// the new texts, by file
    pub files: BTreeMap<Arc<str>, String>,
    /// by the position of what was asked for: why it is not adopted
    pub refused: BTreeMap<usize, String>,
}

/// Adopts what can be. `risky` includes what is to be looked at first; `users` is the file where a User goes where there is none, and its text.
pub fn adopt(loaded: &Loaded, policy: &Policy, drifts: &[&Drift], risky: Option<&str>, users: (&Arc<str>, &str)) -> Adopted {
    let mut work = Work { loaded, policy, risky, users, editors: BTreeMap::new(), made: BTreeMap::new() };
    let mut adopted = Adopted::default();
    for (at, drift) in drifts.iter().enumerate() {
        if let Err(why) = work.one(drift) {
            adopted.refused.insert(at, why);
        }
    }
    work.append_made(&mut adopted);
    adopted.files = work.editors.into_iter().map(|(file, editor)| (file, editor.into_text())).collect();
    adopted
}

/// Why it can't be adopted, before anything is tried; nothing where it may be.
pub(super) fn can_not(policy: &Policy, drift: &Drift) -> Option<&'static str> {
    if drift.put_away && drift.what == DriftKind::Value {
        return Some("it is what `set` of the Target gives whoever has no access there");
    }
    match drift.what {
        DriftKind::GotSignIn => Some("the source says that they have left"),
        DriftKind::AccountDeleted => Some("whoever is to have no account is excluded in a User"),
        DriftKind::AccountMoved => Some("move it back, or let the Target look there"),
        DriftKind::GroupDeleted => Some("take the Group out by hand"),
        DriftKind::JoinedUndeclared => Some("no manifest declares the group: `headcount import` it"),
        DriftKind::NewAccount => Some("it is nobody's: `headcount import` it"),
        DriftKind::Parameter => Some("parameters are worked out by the Entitlement; change it by hand"),
        DriftKind::GroupRenamed | DriftKind::Joined | DriftKind::Left => {
            let group = drift.of.as_ref().unwrap_or(&drift.key);
            let each = policy.groups.iter().any(|known| known.for_each.is_some() && Key::group_name(group) == Key::group_name(&known.key));
            each.then_some("the group is one for each value: a line would be about all of them")
        }
        DriftKind::Value | DriftKind::LostSignIn | DriftKind::Granted | DriftKind::Withdrawn => None,
    }
}

/// A User for whom there is none yet.
#[derive(Default)]
struct NewUser {
    called: Arc<str>,
    /// beside the name
    comment: String,
    attributes: BTreeMap<String, Json>,
}

struct Work<'a> {
    loaded: &'a Loaded,
    policy: &'a Policy,
    risky: Option<&'a str>,
    users: (&'a Arc<str>, &'a str),
    editors: BTreeMap<Arc<str>, Editor>,
    /// new Users by key
    made: BTreeMap<Arc<str>, NewUser>,
}

impl Work<'_> {
    fn one(&mut self, drift: &Drift) -> Result<(), String> {
        if let Some(why) = can_not(self.policy, drift) {
            return Err(why.into());
        }
        if drift.check && self.risky.is_none() {
            return Err("it is to be looked at first: --include-risks".into());
        }
        match drift.what {
            DriftKind::Value => self.value(drift),
            DriftKind::LostSignIn => self.person(drift, "active", json!(false), "check: was it on purpose?"),
            DriftKind::Joined => self.member(drift, "members", "exclude"),
            DriftKind::Left => self.member(drift, "exclude", "members"),
            DriftKind::GroupRenamed => self.renamed(drift),
            DriftKind::Granted => self.granted(drift),
            DriftKind::Withdrawn => self.withdrawn(drift),
            _ => Err("it can't be adopted".into()),
        }
    }

    /// The attribute of the person behind an attribute of the account, where it is taken word for word.
    fn value(&mut self, drift: &Drift) -> Result<(), String> {
        let attribute = drift.attribute.as_deref().unwrap_or_default();
        let target = self.policy.targets.iter().find(|target| target.name == drift.target);
        let rule = target.and_then(|target| target.rules.iter().find(|rule| rule.attribute.as_ref() == attribute));
        let own = rule.filter(|rule| rule.when.is_none()).and_then(|rule| rule.value.bare_path()).cloned();
        let own = own.ok_or("the value is worked out by a rule; change the rule by hand")?;
        let value = drift.theirs.as_ref().map_or(Some(Json::Null), as_json).ok_or("such a value can't stand in a User")?;
        self.person(drift, &own, value, "")
    }

    fn person(&mut self, drift: &Drift, attribute: &str, value: Json, comment: &str) -> Result<(), String> {
        let comment = match (self.risky, drift.check) {
            (Some(day), true) => format!("adopted from outside, {day}: who approved it? {comment}"),
            _ => comment.to_owned(),
        };
        if let Some(user) = self.user(&drift.key) {
            let (origin, has_attributes) = (user.origin.clone(), !user.spec.attributes.is_empty());
            let put = if has_attributes {
                ManifestEdit::Put { at: "/spec/attributes".into(), key: attribute.into(), value: WrittenValue::beside(value) }
            } else {
                ManifestEdit::Put { at: "/spec".into(), key: "attributes".into(), value: WrittenValue::beside(json!({attribute: value})) }
            };
            return self.edit(&origin, "User", &user.name.clone(), &[put]);
        }
        if !matches!(Key::of(&drift.key), Some(Key::Record { .. })) {
            return Err("nobody has that key".into());
        }
        let made = self.made.entry(drift.key.clone()).or_insert_with(|| NewUser { called: drift.name.clone(), ..NewUser::default() });
        made.attributes.insert(attribute.to_owned(), value);
        if !comment.is_empty() {
            made.comment = comment.trim().to_owned();
        }
        Ok(())
    }

    fn user(&self, key: &str) -> Option<&Document<UserSpec>> {
        let name = match Key::of(key)? {
            Key::User { name } => Some(name),
            _ => None,
        };
        self.loaded.users.iter().find(|user| match &user.spec.overrides {
            Some(of) => Key::record(&of.source, &of.key).text().as_ref() == key,
            None => name == Some(user.name.as_ref()),
        })
    }

    /// Out of the one list, where they stand in it; else into the other.
    fn member(&mut self, drift: &Drift, into: &str, out_of: &str) -> Result<(), String> {
        let key = drift.of.as_deref().unwrap_or_default();
        let group = self.group(key)?;
        let listed = group.spec.people().into_iter().find(|(list, _)| *list == out_of).map_or(&[][..], |(_, members)| members);
        let edit = match listed.iter().position(|member| means(member, &drift.key)) {
            Some(index) => ManifestEdit::RemoveItem { at: format!("/spec/{out_of}"), index },
            None => self.listed(drift, into)?,
        };
        let (origin, name) = (group.origin.clone(), group.name.clone());
        self.edit(&origin, "Group", &name, &[edit])
    }

    /// Whoever got it by hand is named from now on.
    fn granted(&mut self, drift: &Drift) -> Result<(), String> {
        let line = self.listed(drift, "members")?;
        let entitlement = self.entitlement(drift)?;
        let (origin, name) = (entitlement.origin.clone(), entitlement.name.clone());
        self.edit(&origin, "Entitlement", &name, &[line])
    }

    /// Whoever was named and lost it is named no more. A rule covers whom it covers: no Entitlement leaves anybody out by name.
    fn withdrawn(&mut self, drift: &Drift) -> Result<(), String> {
        let entitlement = self.entitlement(drift)?;
        let index = entitlement.spec.members.iter().position(|member| means(member, &drift.key));
        let index = index.ok_or("its rule gives it; change `when` by hand")?;
        let (origin, name) = (entitlement.origin.clone(), entitlement.name.clone());
        self.edit(&origin, "Entitlement", &name, &[ManifestEdit::RemoveItem { at: "/spec/members".into(), index }])
    }

    /// One more line of a list of people.
    fn listed(&self, drift: &Drift, list: &str) -> Result<ManifestEdit, String> {
        let item = as_member(&drift.key).ok_or("the account is nobody's: `headcount import` it first")?;
        let risk = self.risky.filter(|_| drift.check).map(|day| format!("; adopted from outside, {day}: who approved it?"));
        let comment = Some(format!("{}{}", drift.name, risk.unwrap_or_default()));
        Ok(ManifestEdit::Append { at: format!("/spec/{list}"), item, comment })
    }

    fn renamed(&mut self, drift: &Drift) -> Result<(), String> {
        let (Some(Value::Text(now)), Some("displayName")) = (&drift.theirs, drift.attribute.as_deref()) else {
            return Err("only its name can be adopted".into());
        };
        let group = self.group(&drift.key)?;
        let former = ManifestEdit::Append { at: "/spec/previousNames".into(), item: json!(group.spec.display_name), comment: None };
        let put = ManifestEdit::Put { at: "/spec".into(), key: "displayName".into(), value: WrittenValue::beside(now.as_ref()) };
        let (origin, name) = (group.origin.clone(), group.name.clone());
        self.edit(&origin, "Group", &name, &[put, former])
    }

    fn group(&self, key: &str) -> Result<&Document<GroupSpec>, String> {
        let name = Key::group_name(key);
        self.loaded.groups.iter().find(|group| group.name.as_ref() == name).ok_or_else(|| "no manifest declares the group".into())
    }

    fn entitlement(&self, drift: &Drift) -> Result<&Document<EntitlementSpec>, String> {
        let called = drift.of.as_deref().unwrap_or_default();
        let is_it = |known: &Document<EntitlementSpec>| known.spec.entitlement.as_deref().unwrap_or(&known.name) == called;
        let known = |known: &&Document<EntitlementSpec>| known.spec.target == *drift.target && is_it(known);
        self.loaded.entitlements.iter().find(known).ok_or_else(|| "no manifest declares the entitlement".into())
    }

    fn edit(&mut self, origin: &Origin, kind: &str, name: &str, edits: &[ManifestEdit]) -> Result<(), String> {
        let text = self.loaded.texts.get(origin.text).map_or("", |text| text);
        let editor = self.editors.entry(origin.file.clone()).or_insert_with(|| Editor::new(origin.file.clone(), text));
        let document = editor.find(kind, name).unwrap_or(usize::MAX);
        let mut next = editor.clone();
        edits.iter().try_for_each(|edit| next.edit(document, edit)).map_err(|refused| refused.to_string())?;
        *editor = next;
        Ok(())
    }

    /// Users for whom there is none yet.
    fn append_made(&mut self, adopted: &mut Adopted) {
        let mut taken: Vec<String> = self.loaded.users.iter().map(|user| user.name.to_string()).collect();
        for (key, NewUser { called, comment, attributes }) in std::mem::take(&mut self.made) {
            let Some(Key::Record { source, key: record }) = Key::of(&key) else { continue };
            let slug = crate::import::slug(&called);
            let name =
                std::iter::once(slug.clone()).chain((2..).map(|number| format!("{slug}-{number}"))).find(|name| !taken.contains(name));
            let name = name.unwrap_or(slug);
            taken.push(name.clone());
            let beside = if comment.is_empty() { String::new() } else { format!("   # {comment}") };
            let attributes = flow(&Json::Object(attributes.into_iter().collect()));
            let text = format!(
                "apiVersion: {API_VERSION}\nkind: User\nmetadata: {{name: {}}}{beside}\nspec:\n  overrides: {{source: {}, key: {}}}\n  attributes: {attributes}\n",
                scalar(&name),
                scalar(source),
                scalar(record),
            );
            let (file, before) = self.users;
            let editor = self.editors.entry(file.clone()).or_insert_with(|| Editor::new(file.clone(), before));
            if let Err(refused) = editor.append_document(&text) {
                adopted.refused.insert(usize::MAX, refused.to_string());
            }
        }
    }
}

fn means(member: &Member, key: &str) -> bool {
    let user = member.user.as_ref().map(|name| Key::user(name).text());
    let identity = member.identity.as_ref().map(|of| Key::record(&of.source, &of.key).text());
    user.as_deref() == Some(key) || identity.as_deref() == Some(key)
}

fn as_member(key: &str) -> Option<Json> {
    match Key::of(key)? {
        Key::Record { source, key } => Some(json!({"identity": {"source": source, "key": key}})),
        Key::User { name } => Some(json!({"user": name})),
        _ => None,
    }
}

fn as_json(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) | Value::Reference(text) => Some(json!(text.as_ref())),
        Value::Int(number) => Some(json!(number)),
        Value::Bool(truth) => Some(json!(truth)),
        Value::List(_) | Value::Map(_) => None,
    }
}
