//! Plain values that every layer speaks: attributes, records, evidence, changes, the plan, findings, outcomes.
//!
//! Must never: do I/O, know a vendor, a manifest or an expression, or decide anything.

mod attribute;
mod capability;
mod causes;
mod change;
pub(crate) mod dn;
mod evidence;
mod finding;
mod forecast;
mod guardrail;
mod key;
mod last_change;
mod mandate;
mod marker;
mod memory;
mod outcome;
mod packed;
mod page;
mod plan;
mod recollection;
mod rehearsed;
mod running;
mod session;
mod status;
mod subscription;
mod table;
mod token;
mod upcoming;
mod value;
mod value_form;
mod value_limit;
mod verdict;

pub use attribute::{Attribute, AttributeType, CONTAINER, OWNERS, Visibility, attribute, attributes, is_known_attribute};
pub use capability::{Capabilities, ELSEWHERE, EntryNames, ListedBy, NeededAttribute, RDN, REMOVABLE, SideEffect, WRITABLE};
pub use causes::{causes, shortened};
pub use change::{Action, AttributeChange, Cause, Change, ChangeId, HIDDEN, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Withheld};
pub use evidence::{Evidence, ReadReport, Watermark};
pub use finding::{Finding, FindingCode, Severity, Subject};
pub use forecast::Forecast;
pub use guardrail::{Guardrail, LimitUse};
pub use key::{Key, RESERVED};
pub use last_change::{LAST_MODIFIED, LAST_MODIFIED_BY, LastChange, is_stamp};
pub use mandate::Mandate;
pub use marker::{Marks, is_marker};
pub use memory::{
    Baseline, CutOff, Deactivation, DepartedName, FormerLink, LastWrite, Left, LeftPart, LeftWhat, Link, LinkOrigin, Memory, Receipt,
    ReceiptWord, RecordLink, Repeat, Resting, StandingRevocation, Statuses, UNKNOWN_SYSTEM, Unheard, WindowEntry, grant_key, system_id,
};
pub use outcome::{Outcome, SystemError};
pub(crate) use packed::{Frame, PackedCells, Packing, RowWords, put_number, take_length};
pub use page::{Cell, Columns, PackedJson, Page, Row, RowWriter};
pub use plan::{FORMAT_VERSION, Plan, PlanFilter, SystemEvidence, Tally};
pub use recollection::{Recollection, TouchedMemory};
pub use rehearsed::{Rehearsed, RehearsedChange, RehearsedRequest};
pub use running::{Approval, Brake, Decided, Revision, SyncRequest, SystemMemory};
pub use session::SiteSession;
pub use status::{
    BreachedLimit, LeaseStatus, Need, NeedKind, Pending, RefusedBecause, RefusedRevision, STATUS_VERSION, StallCause, Status, SystemRole,
    SystemState, SystemStatus, THE_WORKSPACE,
};
pub use subscription::{MadeSubscription, Subscription, SubscriptionTrouble};
pub use table::{Table, Tables};
pub use token::{ApiToken, TokenScope, TokenUse};
pub use upcoming::{Due, DueKind, Upcoming};
pub use value::{Value, ValueState};
pub use value_form::{Charset, json_document};
pub(crate) use value_limit::is_uuid;
pub use value_limit::{ValueForm, ValueLimit};
pub use verdict::{CaseReport, CaseVerdict, Coverage, DifferenceLine, LineOrigin, RuleUse, Side, TestReport, Verdict};
