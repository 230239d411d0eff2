//! Turns the files of github.com/kubernetes/org (its `config/` folder) into headcount manifests:
//! one User for each person, one Group for each organisation and team, one SCIM Target.
//!
//! ```sh
//! cargo run --example kubernetes-org -- path/to/config out/ http://127.0.0.1:8080/v2
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use headcount::manifest::connection::{Auth, ScimConnection, SecretRef};
use headcount::manifest::kinds::{
    Group, GroupSpec, Member, Target, TargetConnection, TargetGroups, TargetSpec, User, UserSpec, Workspace, WorkspaceSpec,
};
use serde::{Deserialize, Deserializer, Serialize};

/// An `org.yaml`: who belongs to the organisation.
#[derive(Deserialize)]
struct Org {
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    admins: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    members: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    teams: BTreeMap<String, Team>,
}

/// A file below an organisation that holds teams only: `teams.yaml`, and `org.yaml` in the first years.
#[derive(Deserialize)]
struct Teams {
    #[serde(default, deserialize_with = "or_empty")]
    teams: BTreeMap<String, Team>,
}

/// A team, perhaps with teams below it.
#[derive(Deserialize)]
struct Team {
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    maintainers: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    members: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    previously: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    teams: BTreeMap<String, Team>,
}

/// What was found so far. GitHub logins don't differ by case, and the files spell one person's in several ways: only the lower case form is used.
#[derive(Default)]
struct Manifests {
    people: BTreeMap<String, String>,
    groups: Vec<Group>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, out, url] = arguments.as_slice() else {
        return Err("usage: kubernetes-org CONFIG_FOLDER OUT_FOLDER SCIM_URL".into());
    };
    convert(Path::new(config), Path::new(out), url)
}

/// Reads the organisations below `config` and writes the manifests into `out`, for a target at `url`.
pub fn convert(config: &Path, out: &Path, url: &str) -> Result<()> {
    let mut manifests = Manifests::default();
    for folder in folders(config)? {
        manifests.organisation(&folder)?;
    }
    manifests.write(out, url)
}

impl Manifests {
    fn organisation(&mut self, folder: &Path) -> Result<()> {
        let org: Org = read(&folder.join("org.yaml"))?;
        let slug = file_name(folder);
        let mut teams = org.teams;
        for below in folders(folder)? {
            for file in ["teams.yaml", "org.yaml"].map(|name| below.join(name)) {
                if file.exists() {
                    teams.extend(read::<Teams>(&file)?.teams);
                }
            }
        }
        let nested: Vec<Member> = teams.into_iter().map(|(name, team)| self.team(&slug, &name, team)).collect();
        let mut members = self.members(org.admins.iter().chain(&org.members));
        members.extend(nested);
        self.role(&slug, "admins", &org.admins);
        let spec = GroupSpec { description: org.description, ..group(&slug, members) };
        self.groups.push(Group::new(&name_of(&slug), spec));
        Ok(())
    }

    fn team(&mut self, org: &str, name: &str, team: Team) -> Member {
        let nested: Vec<Member> = team.teams.into_iter().map(|(child, team)| self.team(org, &child, team)).collect();
        let mut members = self.members(team.maintainers.iter().chain(&team.members));
        members.extend(nested);
        let display_name = format!("{org}/{name}");
        self.role(&display_name, "maintainers", &team.maintainers);
        let spec = GroupSpec {
            description: team.description,
            previous_names: team.previously.iter().map(|former| format!("{org}/{former}")).collect(),
            ..group(&display_name, members)
        };
        let resource = name_of(&display_name);
        self.groups.push(Group::new(&resource, spec));
        Member { group: Some(resource), ..Member::default() }
    }

    /// A role is a group of its own beside the one that it is about: who became an admin is one line in a plan.
    fn role(&mut self, of: &str, role: &str, logins: &[String]) {
        if !logins.is_empty() {
            let members = self.members(logins.iter());
            self.groups.push(Group::new(&name_of(&format!("{role}/{of}")), group(&format!("{role} of {of}"), members)));
        }
    }

    /// Members by login, each once.
    fn members<'a>(&mut self, logins: impl Iterator<Item = &'a String>) -> Vec<Member> {
        let names: BTreeSet<String> = logins
            .map(|login| {
                let name = name_of(login);
                self.people.entry(name.clone()).or_insert_with(|| login.to_ascii_lowercase());
                name
            })
            .collect();
        names.into_iter().map(|name| Member { user: Some(name), ..Member::default() }).collect()
    }

    fn write(self, out: &Path, url: &str) -> Result<()> {
        fs::create_dir_all(out)?;
        let users = self.people.iter().map(|(name, login)| {
            let attributes = BTreeMap::from([("userName".to_owned(), login.as_str().into())]);
            User::new(name, UserSpec { attributes, ..UserSpec::default() })
        });
        save(&out.join("users.yaml"), users)?;
        save(&out.join("groups.yaml"), self.groups.iter())?;
        let id = "kubernetes-org".to_owned();
        save(
            &out.join("workspace.yaml"),
            [Workspace::new(
                "kubernetes-org",
                WorkspaceSpec {
                    id,
                    time_zone: None,
                    state: None,
                    tables: BTreeMap::new(),
                    allowed_directories: Vec::new(),
                    max_read: None,
                    removals: None,
                    notifications: Vec::new(),
                },
            )],
        )?;
        save(&out.join("target.yaml"), [Target::new("github", target(url)?)])
    }
}

/// The files leave some lists empty: `maintainers:` with nothing behind it.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn group(display_name: &str, members: Vec<Member>) -> GroupSpec {
    GroupSpec { display_name: display_name.to_owned(), allow_empty: members.is_empty(), members: Some(members), ..GroupSpec::default() }
}

fn target(url: &str) -> Result<TargetSpec> {
    let auth = Some(Auth::Bearer(SecretRef::Env("SCIM_TOKEN".to_owned())));
    let scim =
        ScimConnection { url: url.to_owned(), auth, page_size: Some(500), timeout: Some("60s".to_owned()), ..ScimConnection::default() };
    let groups = Some(TargetGroups { nested: Some(true), ..TargetGroups::default() });
    // The other fields have defaults; going through JSON keeps this example short as fields come.
    let mut spec: TargetSpec = serde_json::from_value(serde_json::json!({ "connection": { "scim": scim } }))?;
    spec.groups = groups;
    spec.connection = TargetConnection::Scim(scim);
    Ok(spec)
}

/// A resource name as Kubernetes accepts it (a DNS subdomain: lower case letters, digits, `-` and `.`, at most 253, a letter or digit at the ends of
/// each part). The `/` of a team is a dot, so that `kubernetes/client-go-admins` and `kubernetes-client/go-admins` stay two.
fn name_of(text: &str) -> String {
    let parts = text.split('/').map(|part| {
        let letters = part.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' });
        let part: String = letters.collect();
        let start = if part.starts_with('-') { "x" } else { "" };
        let end = if part.ends_with('-') { "x" } else { "" };
        format!("{start}{part}{end}")
    });
    parts.collect::<Vec<_>>().join(".").chars().take(253).collect()
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn save<T: Serialize>(path: &Path, documents: impl IntoIterator<Item = T>) -> Result<()> {
    let mut text = String::from("# yaml-language-server: $schema=../../schemas/headcount.json\n");
    for document in documents {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(&document)?);
    }
    Ok(fs::write(path, text)?)
}

fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
