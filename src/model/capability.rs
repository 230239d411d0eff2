//! What a connector can do. What it does not declare it can't, and planning says so before anything is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::{Action, ObjectKind};
use super::value_limit::ValueLimit;

/// The column of an object, or of an entitlement, that says whether it may be changed there at all; nothing where the system does not say.
pub const WRITABLE: &str = "$writable";

/// The column of an object that says whether it may be removed there; nothing where the system does not say.
pub const REMOVABLE: &str = "$removable";

/// The column of an account that says where it stands, where that is a place that lists don't show; nothing of every other.
pub const ELSEWHERE: &str = "$elsewhere";

/// The column of an account that says what its entry is called below the one above it, as the directory shows it. A change of it is a name for the time being.
pub const RDN: &str = "rdn";

/// Declared by a connector, narrowed by what the system itself says (SCIM discovery, the columns of a table).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// accounts can be created
    pub create_accounts: bool,
    /// attributes of accounts can be changed
    pub update_accounts: bool,
    /// `active` can be set
    pub deactivate_accounts: bool,
    /// accounts can be deleted
    pub delete_accounts: bool,
    /// groups can be read
    pub read_groups: bool,
    /// groups can be created
    pub create_groups: bool,
    /// groups can be renamed
    pub update_groups: bool,
    /// groups can be deleted
    pub delete_groups: bool,
    /// memberships can be added and removed one by one
    pub write_memberships: bool,
    /// a group can be a member of a group
    pub nested_groups: bool,
    /// groups can have owners: the attribute `owners`, a list of accounts
    pub group_owners: bool,
    /// the attribute of an account that holds the marker (`externalId`); none: ownership is proved by links only
    pub account_marker: Option<Arc<str>>,
    /// the attribute of a group that holds the marker
    pub group_marker: Option<Arc<str>>,
    /// the system says that its accounts keep no marker
    pub refuses_marker: bool,
    /// attributes that an account can hold (`custom.*`: any custom one); none: any known one
    pub account_attributes: Option<BTreeSet<Arc<str>>>,
    /// attributes of an account that can be set when it is made, and never changed
    pub immutable_attributes: BTreeSet<Arc<str>>,
    /// attributes of an account that are the system's own: they are read, and never written, not even when it is made
    pub read_only_attributes: BTreeSet<Arc<str>>,
    /// what attributes of an account can't hold, where the system says it
    pub account_limits: BTreeMap<Arc<str>, ValueLimit>,
    /// the same of groups
    pub group_limits: BTreeMap<Arc<str>, ValueLimit>,
    /// attributes of several values of which an account keeps one: the primary
    pub single_valued_attributes: BTreeSet<Arc<str>>,
    /// attributes that the system asks of each account, whether or not it makes one without
    pub required_attributes: BTreeSet<Arc<str>>,
    /// attributes without which an account can't be made at all, each with what it is kept in there and the manifest field for a value to start with
    pub needed_attributes: BTreeMap<Arc<str>, NeededAttribute>,
    /// accounts can have entitlements
    pub entitlements: bool,
    /// parameters that an entitlement can hold; none: any
    pub entitlement_parameters: Option<BTreeSet<Arc<str>>>,
    /// what parameters of entitlements can't hold
    pub parameter_limits: BTreeMap<Arc<str>, ValueLimit>,
    /// of which kinds of objects each row says whether it may be changed there: see [`WRITABLE`]
    pub says_writable: BTreeSet<ObjectKind>,
    /// of which kinds of objects each row says whether it may be removed there: see [`REMOVABLE`]
    pub says_removable: BTreeSet<ObjectKind>,
    /// an account that is asked for by its id is found wherever it stands, and its row says where: see [`ELSEWHERE`]
    pub finds_elsewhere: bool,
    /// by what groups list an account that is not made yet, where that is known before; none: nobody knows it
    pub listed_by: Option<ListedBy>,
    /// accounts are entries of which no two in one place have one name; none: they have no places
    pub entry_names: Option<EntryNames>,
    /// open sessions of an account can be ended
    pub end_sessions: bool,
    /// what the system does on its own accord along with a change
    pub side_effects: Vec<SideEffect>,
    /// what accounts have where a word says whether they have access, and is none of those that are known: they count as active. In words: "column `state` holds `locked`"
    pub unclear_access: Option<Arc<str>>,
    /// attributes by which single accounts can be asked for; none: by any
    pub asked_by: Option<BTreeSet<Arc<str>>>,
    /// attributes of which no two accounts have one value; none: it does not say
    pub unique_account_attributes: Option<BTreeSet<Arc<str>>>,
    /// no two accounts have user names that differ in case or accents alone
    pub accentless_names: bool,
    /// attributes of which no two groups have one value; none: it does not say
    pub unique_group_attributes: Option<BTreeSet<Arc<str>>>,
}

/// By what groups list an account. What nobody has any more may be listed still: whoever comes by it is in the group at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedBy {
    /// a distinguished name: see [`EntryNames`]
    Name,
    /// the value of an attribute
    Attribute(Arc<str>),
    /// a number of the system's own, which is the one after the highest, and so may be one that somebody had
    NextNumber {
        /// the highest number of those whom headcount does not see there
        hidden: u64,
    },
}

/// How entries are called. Each row says what its own is called ([`RDN`]) and where it stands (`container`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryNames {
    /// the attribute whose value a new entry is called by
    pub attribute: Arc<str>,
    /// the directory's attribute in that name
    pub own: Arc<str>,
    /// below which all stand
    pub base: Arc<str>,
    /// by the directory's attributes in small letters: those that change the name of an entry which has them in it
    pub attributes: BTreeMap<String, Arc<str>>,
}

/// What a system does on its own accord along with a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SideEffect {
    /// of what
    pub kind: ObjectKind,
    /// which change
    pub action: Action,
    /// only where one of these attributes changes; none: whatever changes
    pub attributes: Vec<Arc<str>>,
    /// in words that follow the target's name: "mails an invitation"
    pub words: Arc<str>,
}

/// Where an attribute is kept that each account needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededAttribute {
    /// as a finding names it: "column `badge` of table `people`"
    pub place: Arc<str>,
    /// a line of the Target that gives each new account the same value; none where no two may have one
    pub line: Option<Arc<str>>,
}

impl Capabilities {
    /// Everything that a system can do, but for nested groups and marks: those change how a plan looks.
    pub fn everything() -> Self {
        Self {
            create_accounts: true,
            update_accounts: true,
            deactivate_accounts: true,
            delete_accounts: true,
            read_groups: true,
            create_groups: true,
            update_groups: true,
            delete_groups: true,
            write_memberships: true,
            entitlements: true,
            end_sessions: true,
            ..Self::default()
        }
    }

    /// Whether an account can hold an attribute.
    pub fn holds(&self, attribute: &str) -> bool {
        let any_custom = attribute.starts_with("custom.");
        self.account_attributes.as_ref().is_none_or(|held| held.contains(attribute) || (any_custom && held.contains("custom.*")))
    }

    /// Whether an entitlement can hold a parameter.
    pub fn holds_parameter(&self, parameter: &str) -> bool {
        self.entitlements && self.entitlement_parameters.as_ref().is_none_or(|held| held.contains(parameter))
    }
}
