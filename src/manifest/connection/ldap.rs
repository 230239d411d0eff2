//! A directory that speaks LDAP.
//!
//! Must never: hold a secret.

mod filter;
mod mistakes;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use filter::{FilterComparison, LdapFilter};

use super::{ClientTls, ConnectionPart, Described, Mistake, SecretRef, Unreadable};
use crate::manifest::quantity;
use crate::model::{SystemRole, dn};

/// A directory that speaks LDAP (RFC 4511).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapConnection {
    /// The servers: `ldaps://dc1.example`, `ldap://dc1.example:389`, `ldapi://%2Frun%2Fslapd%2Fldapi`. The first one that answers is used; all must have the
    /// same entries. The first one names the system: links hold as long as it stays.
    pub urls: Vec<String>,
    /// What kind of server it is. It says where entries have their id, how an account is deactivated, and what `users.attributes` are by default.
    #[serde(default)]
    pub dialect: LdapDialect,
    /// Begins TLS on an `ldap://` connection before anything else is said (RFC 4511, 4.14).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_tls: bool,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The certificate that headcount shows, for `bind.external`, or for servers that ask everybody for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientTls>,
    /// How to sign in. Absent: as nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind: Option<LdapBind>,
    /// The entries of people.
    pub users: LdapUsers,
    /// The entries of groups. A Target only; absent: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<LdapGroups>,
    /// By what a Source is told what changed since it was read, and who is gone. Absent: by what the server offers and this account may use. A Source only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<LdapChanges>,
    /// Entries a page (RFC 2696). Default: 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Deadline of one answer: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Most bytes of one entry: `64Mi`. Default 32Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<String>,
    /// Lets a password go without TLS to a host that is not this machine. Anybody on the way can read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain: bool,
}

/// What kind of server it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LdapDialect {
    /// OpenLDAP's slapd: `entryUUID`; deactivated by `pwdAccountLockedTime` (the overlay ppolicy)
    #[serde(rename = "openldap")]
    OpenLdap,
    /// 389 Directory Server, FreeIPA: `nsUniqueId`; deactivated by `nsAccountLock`
    #[serde(rename = "389ds")]
    Ds389,
    /// Active Directory, Samba: `objectGUID`; deactivated by `userAccountControl`
    #[serde(rename = "activeDirectory")]
    ActiveDirectory,
    /// any other with `entryUUID` (RFC 4530); accounts are deactivated only as `users.active` says
    #[default]
    #[serde(rename = "plain")]
    Plain,
}

/// By what a directory tells what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LdapChanges {
    /// content synchronization (RFC 4533): OpenLDAP with the overlay syncprov; 389 Directory Server with its plugins for it, only where it is said here
    ContentSync,
    /// Active Directory's DirSync, which asks for the right "Replicating Directory Changes"
    DirSync,
    /// `modifyTimestamp`, `uSNChanged` of Active Directory: who is gone shows in the next whole read
    Stamps,
}

/// How headcount signs in to a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LdapBind {
    /// By name and password.
    Simple(SimpleBind),
    /// As who the certificate of `tls` says, or, over `ldapi://`, the user of the process (SASL EXTERNAL): `external: {}`.
    External(ExternalBind),
}

/// Name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SimpleBind {
    /// The DN of the account: `cn=headcount,ou=services,dc=example,dc=org`. Active Directory takes `headcount@example.org` too.
    pub dn: String,
    /// Its password.
    pub password: SecretRef,
}

/// Nothing more is to be said: the connection shows who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalBind {}

/// Entries of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapUsers {
    /// Where they are: this entry and all below it. New ones are made right below it.
    pub base: String,
    /// Which of the entries there are people, as a filter (RFC 4515): `(employeeType=staff)`. Default: all of the first of `objectClasses`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The object classes of a new entry. Default: `inetOrgPerson`; of Active Directory `user`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub object_classes: Vec<String>,
    /// The attribute that an entry is called by in its DN. It has the value that is mapped to it, else that of `userName`. Default: `uid`; of Active
    /// Directory `cn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rdn: Option<String>,
    /// Attribute to the directory's own: `userName: uid`. What is written here is all that is read and written; absent: what the dialect has by default. In a
    /// Source: further names for attributes, which a record has under their own names anyway.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What attributes hold that the schema asks for and nobody gives: `sn: "-"`. Read back, it says nothing. Default: `-` for `sn` and `cn`; of Active
    /// Directory nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<BTreeMap<String, String>>,
    /// The attribute that says whether an account has access, where it is not the dialect's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<LdapActive>,
    /// The password of each new account. Without it, and without `generatePassword`, a new account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_password: Option<SecretRef>,
    /// Gives each new account a long password of its own that nobody ever sees: Active Directory lets nobody in without one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generate_password: bool,
    /// Numbers that new entries get, each once in the directory, by the directory's attribute: `uidNumber: {from: 20000, to: 29999}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, NumberRange>,
}

/// From which number to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberRange {
    /// The first that is given.
    pub from: u32,
    /// The last.
    pub to: u32,
}

/// An attribute with one value for accounts with access and another for those without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapActive {
    /// The attribute: `loginShell`.
    pub attribute: String,
    /// Its value for an account without access: `/sbin/nologin`. Any other means access.
    pub inactive: String,
    /// Its value for an account with access. Absent: then it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
}

/// Entries of groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LdapGroups {
    /// Where they are: this entry and all below it. New ones are made right below it.
    pub base: String,
    /// Which of the entries there count, as a filter (RFC 4515). Default: all of `objectClass`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What a group is. Default: `groupOfNames`; of Active Directory `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_class: Option<LdapGroupClass>,
    /// The attribute that names a member. Default: what the class has: `member`, `uniqueMember`, `memberUid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Attribute to the directory's own. Default: `displayName: cn`. `externalId: description` lets a group be known as headcount's by a mark.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The member of a group without members, where its class asks for one: a DN that need not exist. It is no member to headcount. Default: `cn=nobody`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_member: Option<String>,
    /// Numbers that new groups get, each once in the directory: `gidNumber: {from: 20000, to: 29999}`. A `posixGroup` needs one to be made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, NumberRange>,
}

/// What a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LdapGroupClass {
    /// members by DN, at least one (RFC 4519)
    GroupOfNames,
    /// members by DN, at least one
    GroupOfUniqueNames,
    /// members by user name (RFC 2307); one is made where `numbers` says which `gidNumber` it gets
    PosixGroup,
    /// Active Directory's: members by DN, or none
    Group,
}

impl Described for LdapConnection {
    fn word(&self) -> &'static str {
        "ldap"
    }

    fn system(&self) -> String {
        let host = self.urls.first().map(|url| server(url)).unwrap_or_default();
        format!("ldap {host} {}", self.users.base.to_lowercase())
    }

    fn rows(&self) -> Value {
        json!({"ldap": self.users.base.to_lowercase(), "filter": self.users.filter, "classes": self.users.object_classes})
    }

    /// Entries of the one's base stand below the other's, too, and no filter keeps them apart.
    fn shares_with(&self, _: &Path, (other, _): (&dyn Described, &Path)) -> bool {
        let other: &dyn Any = other;
        let Some(other) = other.downcast_ref::<Self>() else { return false };
        let servers = |connection: &Self| connection.urls.iter().map(|url| server(url)).collect::<BTreeSet<_>>();
        let (one, another) = (&self.users.base, &other.users.base);
        let filter = |users: &LdapUsers| users.filter.as_deref().and_then(|text| LdapFilter::parse(text).ok());
        let apart = filter(&self.users).zip(filter(&other.users)).is_some_and(|(one, other)| one.excludes(&other));
        !servers(self).is_disjoint(&servers(other)) && (dn::is_within(one, another) || dn::is_within(another, one)) && !apart
    }

    fn place(&self) -> &'static str {
        "urls"
    }

    fn sign_in(&self) -> &'static str {
        "bind"
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        let part = |pointer, value| ConnectionPart { pointer, value };
        let bind: Vec<_> = match &self.bind {
            Some(LdapBind::Simple(simple)) => vec![part("bind/simple/password", &simple.password)],
            Some(LdapBind::External(_)) | None => Vec::new(),
        };
        let initial = self.users.initial_password.iter().map(|value| part("users/initialPassword", value));
        let tls = self.tls.iter().flat_map(|tls| tls.parts(["tls/certificate", "tls/key"]));
        bind.into_iter().chain(tls).chain(initial).collect()
    }

    fn deadline(&self) -> Option<Duration> {
        Some(super::deadline(self.timeout.as_deref()))
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let timeout = super::unreadable_deadline("timeout", self.timeout.as_deref());
        let most = self.max_body.as_deref().and_then(|text| quantity::bytes(text).err());
        let most = most.map(|hint| Unreadable { pointer: "maxBody", what: "size", hint });
        let hint = "write the servers: ldaps://dc1.example, ldap://dc1.example with `startTls: true`";
        let urls = self.urls.is_empty().then_some(Unreadable { pointer: "urls", what: "list of LDAP urls", hint });
        timeout.into_iter().chain(most).chain(urls).collect()
    }

    fn mistakes(&self, role: SystemRole) -> Vec<Mistake> {
        mistakes::of(self, role)
    }

    /// An entry has whatever its classes allow.
    fn open_records(&self) -> bool {
        true
    }
}

fn is_ldap(url: &str) -> bool {
    let rest = ["ldap://", "ldaps://", "ldapi://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.trim_end_matches('/').is_empty() && !rest.contains(['@', '?', '#']))
}

impl LdapConnection {
    /// Whether a password would be readable on the way to one of the servers: without TLS, to another machine, and nobody said that it may be so.
    pub fn signs_in_openly(&self) -> bool {
        let open = |url: &String| {
            let Some(rest) = url.strip_prefix("ldap://") else { return false };
            let host = rest.trim_end_matches('/').rsplit_once(':').map_or(rest.trim_end_matches('/'), |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            !loopback && !host.eq_ignore_ascii_case("localhost")
        };
        matches!(self.bind, Some(LdapBind::Simple(_))) && !self.start_tls && !self.allow_plain && self.urls.iter().any(open)
    }
}

/// The host of a server, with a port that is not LDAP's own.
fn server(url: &str) -> String {
    let url = url.trim_end_matches('/').to_ascii_lowercase();
    let bare = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    [":636", ":389"].iter().find_map(|port| bare.strip_suffix(port)).unwrap_or(bare).to_owned()
}
