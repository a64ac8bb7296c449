//! The one table of who may call what. An RPC that is missing here can be called by nobody, and a test that walks the
//! contract's descriptor fails until its line is written. `ektp roles` prints it.
//!
//! A right says which certificates may call, and which officers' roles must be at work there. Whose rows the call sees
//! follows from the caller's scope, where in the district it may act from its subdistrict.

use super::{
    OfficerRole::{self, Auditor, Contractor, Counter, Head, Printer, Stock},
    Role,
};

/// What a call is, for its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// It carries a request id.
    Write,
    /// It answers and is over.
    Read,
    /// It answers as long as it is listened to.
    Stream,
}

/// How urgent a call is when not all can be served at once: the first is served first and refused last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody stands at the counter for a card, or a blank is in the printer.
    Prints,
    /// Work for printers and for the matching engine.
    Leases,
    /// Everything else that is written: the person has come for it, and it can be written a moment later.
    Registration,
    /// What is only looked at: refused even while acts wait too long for places of their own.
    Lists,
}

impl Class {
    /// All, in their order.
    pub const ALL: [Self; 4] = [Self::Prints, Self::Leases, Self::Registration, Self::Lists];

    /// As metrics and refusals name it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Prints => "prints",
            Self::Leases => "leases",
            Self::Registration => "registration",
            Self::Lists => "lists",
        }
    }
}

/// Whether an officer must be at work on the calling terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Officers {
    /// The machine itself calls; a shift in the metadata is not looked at.
    None,
    /// The certificate is enough; a shift that is handed in must be good, and a stream ends with it.
    MayCome,
    /// One with at least one of these roles.
    Needed(&'static [OfficerRole]),
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    /// The RPC's full path.
    pub path: &'static str,
    /// What it is.
    pub nature: Nature,
    /// Which certificates may call it.
    pub callers: &'static [Role],
    /// Which officers.
    pub officers: Officers,
    /// How urgent it is; absent where it needs none of the database's connections for itself.
    pub class: Option<Class>,
}

/// What the table says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    May,
    /// It may not, whoever works there.
    MayNot,
    /// An officer must open a shift first.
    NeedsShift,
}

const EVERYONE: &[Role] = &[
    Role::Terminal,
    Role::Province,
    Role::Matcher,
    Role::Store,
    Role::Printer,
    Role::Policy,
    Role::Public,
];
const TERMINAL: &[Role] = &[Role::Terminal];
const MATCHER: &[Role] = &[Role::Matcher];
const STORE: &[Role] = &[Role::Store];
/// Where blanks are kept and sent from: a district's office, a province's, the centre's store.
const STORES: &[Role] = &[Role::Terminal, Role::Province, Role::Store];
/// The centre's desk, which writes the rules.
const DESK: &[Role] = &[Role::Policy];
/// A district's office, and the centre's desk that leads them all.
const OFFICES: &[Role] = &[Role::Terminal, Role::Policy];
/// The same and the provinces': who may be the second person of an act.
const APPROVERS: &[Role] = &[Role::Terminal, Role::Province, Role::Policy];
/// Where officers work.
const STAFFED: &[Role] = &[
    Role::Terminal,
    Role::Province,
    Role::Store,
    Role::Printer,
    Role::Policy,
];

/// Who reads the office's queue and stock.
const READERS: Officers = Officers::Needed(&[Counter, Printer, Stock, Head, Auditor]);
/// Who leads.
const HEADS: Officers = Officers::Needed(&[Head]);
/// Who may be the second person.
const SECOND: Officers = Officers::Needed(&[Head, Auditor]);
const COUNTERS: Officers = Officers::Needed(&[Counter, Head]);
const PRINTERS: Officers = Officers::Needed(&[Printer]);
const STOCKS: Officers = Officers::Needed(&[Stock]);
/// Who answers for what lies in a store, asks for more and plans its way.
const KEEPERS: Officers = Officers::Needed(&[Stock, Head]);
const LEDGER_READERS: Officers = Officers::Needed(&[Stock, Head, Auditor]);
/// Who answers for what came out of a printer.
const PRINT_ROOM: Officers = Officers::Needed(&[Printer, Head]);

const fn line(
    path: &'static str,
    nature: Nature,
    callers: &'static [Role],
    officers: Officers,
) -> Right {
    Right {
        path,
        nature,
        callers,
        officers,
        class: match nature {
            Write => Some(Class::Registration),
            Read => Some(Class::Lists),
            Stream => None,
        },
    }
}

impl Right {
    /// The same of another class than its nature says.
    const fn of(self, class: Class) -> Self {
        Self {
            class: Some(class),
            ..self
        }
    }

    /// The same without a class: it must be answered however many wait for the database.
    const fn beside(self) -> Self {
        Self {
            class: None,
            ..self
        }
    }
}

/// The one call that a shift may still make when it is over: for the answer that was missed.
pub const CLOSE_SHIFT: &str = "/ektp.v1.Administration/CloseShift";

/// The one write whose client sends as long as it likes: each of its items has its own answer.
pub const IMPORT_ENROLMENTS: &str = "/ektp.v1.Registration/ImportEnrolments";

use Nature::{Read, Stream, Write};

/// Each RPC, and who may call it.
#[rustfmt::skip] // a table is read by its columns
pub const RIGHTS: &[Right] = &[
    // A contractor's operator records people and nothing else (S3-5).
    line("/ektp.v1.Registration/RecordEnrolment", Write, TERMINAL, Officers::Needed(&[Counter, Contractor, Head])),
    line(IMPORT_ENROLMENTS, Write, TERMINAL, Officers::Needed(&[Counter, Contractor, Head])),
    line("/ektp.v1.Registration/GetEnrolment", Read, TERMINAL, COUNTERS),
    line("/ektp.v1.Registration/ListEnrolments", Read, TERMINAL, Officers::Needed(&[Counter, Head, Auditor])),
    line("/ektp.v1.Registration/WatchEnrolments", Stream, OFFICES, Officers::Needed(&[Counter, Head, Auditor])),
    // The matching engine is a machine; nobody works on it.
    line("/ektp.v1.Registration/LeaseChecks", Stream, MATCHER, Officers::None).of(Class::Leases),
    line("/ektp.v1.Registration/RecordVerdicts", Write, MATCHER, Officers::None).of(Class::Leases),
    line("/ektp.v1.Registration/IssueInterimCertificates", Write, TERMINAL, COUNTERS),
    line("/ektp.v1.Registration/ChangeResident", Write, TERMINAL, COUNTERS),
    line("/ektp.v1.Registration/RecordLifeEvent", Write, TERMINAL, COUNTERS),
    line("/ektp.v1.PrintQueue/SubmitPrintRequests", Write, TERMINAL, COUNTERS),
    line("/ektp.v1.PrintQueue/WithdrawPrintRequests", Write, TERMINAL, COUNTERS),
    line("/ektp.v1.PrintQueue/ExplainPosition", Read, TERMINAL, COUNTERS),
    line("/ektp.v1.PrintQueue/GetPrintRequest", Read, TERMINAL, READERS),
    line("/ektp.v1.PrintQueue/ListPrintRequests", Read, TERMINAL, READERS),
    // A screen on the wall follows its queue with nobody before it; the policy desk follows any district that it names.
    line("/ektp.v1.PrintQueue/WatchQueue", Stream, OFFICES, Officers::MayCome),
    line("/ektp.v1.PrintQueue/LeasePrintRequests", Write, TERMINAL, PRINTERS).of(Class::Leases),
    line("/ektp.v1.PrintQueue/RenewLeases", Write, TERMINAL, PRINTERS).of(Class::Prints),
    line("/ektp.v1.PrintQueue/GetCardFace", Read, TERMINAL, PRINTERS).of(Class::Leases),
    line("/ektp.v1.PrintQueue/BindBlanks", Write, TERMINAL, PRINTERS).of(Class::Prints),
    line("/ektp.v1.PrintQueue/ReportPrinted", Write, TERMINAL, PRINTERS).of(Class::Prints),
    line("/ektp.v1.PrintQueue/ReportSpoiled", Write, TERMINAL, PRINTERS).of(Class::Prints),
    line("/ektp.v1.PrintQueue/ResolveInDoubt", Write, TERMINAL, PRINT_ROOM).of(Class::Prints),
    line("/ektp.v1.PrintQueue/ResolveIncident", Write, TERMINAL, PRINT_ROOM).of(Class::Prints),
    // The order is verified by who leads or audits, here and at the policy desk, and changed by two heads.
    line("/ektp.v1.PrintQueue/VerifyDispatchOrder", Read, OFFICES, SECOND),
    line("/ektp.v1.PrintQueue/ChangeSeniority", Write, TERMINAL, HEADS),
    line("/ektp.v1.PrintQueue/ReleaseLeases", Write, TERMINAL, PRINTERS).of(Class::Prints),
    line("/ektp.v1.Inventory/RegisterDelivery", Write, STORE, STOCKS),
    line("/ektp.v1.Inventory/DispatchShipment", Write, STORES, STOCKS),
    line("/ektp.v1.Inventory/ReceiveShipment", Write, STORES, STOCKS),
    line("/ektp.v1.Inventory/CancelShipment", Write, STORES, STOCKS),
    line("/ektp.v1.Inventory/ListShipments", Read, STORES, READERS),
    line("/ektp.v1.Inventory/OpenLocation", Write, TERMINAL, KEEPERS),
    line("/ektp.v1.Inventory/ListLocations", Read, STORES, Officers::MayCome),
    line("/ektp.v1.Inventory/StartCount", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/RecordFindings", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/SubmitCount", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/CancelCount", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/ListCounts", Read, STORES, READERS),
    line("/ektp.v1.Inventory/ListStockCases", Read, &[Role::Terminal, Role::Province, Role::Store, Role::Policy], LEDGER_READERS),
    line("/ektp.v1.Inventory/SettleStockCase", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/RecordSpoiled", Write, STORES, STOCKS),
    line("/ektp.v1.Inventory/RecordReturned", Write, TERMINAL, Officers::Needed(&[Counter, Stock, Head])),
    line("/ektp.v1.Inventory/RecordFound", Write, &[Role::Terminal, Role::Province], STOCKS),
    line("/ektp.v1.Inventory/RecordDestruction", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/ReverseMovement", Write, STORES, KEEPERS),
    line("/ektp.v1.Inventory/ListMovements", Read, STORES, LEDGER_READERS),
    line("/ektp.v1.Inventory/DistributeBlanks", Write, STORES, STOCKS),
    line("/ektp.v1.Inventory/ProposeDistribution", Read, TERMINAL, KEEPERS),
    // A district asks; its province and the centre decide, each what was sent to it.
    line("/ektp.v1.Inventory/ListBlankRequests", Read, &[Role::Terminal, Role::Province, Role::Store, Role::Policy], READERS),
    line("/ektp.v1.Inventory/DecideBlankRequest", Write, &[Role::Province, Role::Store, Role::Policy], KEEPERS),
    line("/ektp.v1.Inventory/WithdrawBlankRequest", Write, TERMINAL, KEEPERS),
    line("/ektp.v1.Inventory/RequestBlanks", Write, TERMINAL, KEEPERS),
    line("/ektp.v1.Inventory/GetStock", Read, STORES, Officers::MayCome),
    line("/ektp.v1.Inventory/LocateBlank", Read, STORES, READERS),
    line("/ektp.v1.Inventory/WatchStock", Stream, &[Role::Terminal, Role::Store, Role::Policy], Officers::MayCome),
    // Read alone: the store's keeper, who leads and who audits, each at home and at the centre.
    line("/ektp.v1.Inventory/CertifyConservation", Read, &[Role::Terminal, Role::Store, Role::Policy], Officers::Needed(&[Head, Stock, Auditor])),
    line("/ektp.v1.Inventory/GetCertificationKey", Read, EVERYONE, Officers::None).beside(),
    line("/ektp.v1.Handover/ListAwaiting", Read, TERMINAL, COUNTERS),
    line("/ektp.v1.Handover/StartHandover", Write, TERMINAL, COUNTERS).of(Class::Prints),
    line("/ektp.v1.Handover/CompleteHandover", Write, TERMINAL, COUNTERS).of(Class::Prints),
    line("/ektp.v1.Handover/ListContactTasks", Read, TERMINAL, COUNTERS),
    line("/ektp.v1.Handover/WatchCollections", Stream, OFFICES, COUNTERS),
    line("/ektp.v1.Administration/RegisterOfficer", Write, OFFICES, HEADS),
    line("/ektp.v1.Administration/EndOfficer", Write, OFFICES, HEADS),
    line("/ektp.v1.Administration/ListOfficers", Read, OFFICES, SECOND),
    // Whoever opens a shift has none yet.
    line("/ektp.v1.Administration/OpenShift", Write, STAFFED, Officers::None),
    line(CLOSE_SHIFT, Write, STAFFED, Officers::Needed(&OfficerRole::ALL)),
    line("/ektp.v1.Administration/Approve", Write, APPROVERS, SECOND),
    line("/ektp.v1.Administration/ListPendingApprovals", Read, APPROVERS, SECOND),
    // The rules come from the directorate-general alone; a district reads them (S4-5).
    line("/ektp.v1.Administration/ProposePolicy", Write, DESK, HEADS),
    line("/ektp.v1.Administration/ActivatePolicy", Write, DESK, HEADS),
    line("/ektp.v1.Administration/ListPolicies", Read, &[Role::Terminal, Role::Province, Role::Policy], Officers::MayCome),
    line("/ektp.v1.Administration/RevokeTerminal", Write, OFFICES, HEADS),
    line("/ektp.v1.Administration/ListTerminals", Read, OFFICES, SECOND),
    // Machines renew themselves, at night too.
    line("/ektp.v1.Administration/RenewTerminal", Write, EVERYONE, Officers::None),
    line("/ektp.v1.Administration/WatchAuditHeads", Stream, EVERYONE, Officers::None),
    line("/ektp.v1.Administration/WatchAlarms", Stream, DESK, Officers::None),
    line("/grpc.health.v1.Health/Check", Read, EVERYONE, Officers::None).beside(),
    line("/grpc.health.v1.Health/Watch", Stream, EVERYONE, Officers::None),
    line("/grpc.health.v1.Health/List", Read, EVERYONE, Officers::None).beside(),
    line("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Stream, EVERYONE, Officers::None),
    line("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Stream, EVERYONE, Officers::None),
];

/// The line of a path.
pub fn right(path: &str) -> Option<&'static Right> {
    RIGHTS.iter().find(|right| right.path == path)
}

impl Right {
    /// Whether a certificate of `role` may call, with an officer of these roles at work on it, or with nobody.
    pub fn verdict(&self, role: Role, officer: Option<&[OfficerRole]>) -> Verdict {
        if !self.callers.contains(&role) {
            return Verdict::MayNot;
        }
        match (self.officers, officer) {
            (Officers::None | Officers::MayCome, _) => Verdict::May,
            (Officers::Needed(_), None) => Verdict::NeedsShift,
            (Officers::Needed(needed), Some(roles)) => {
                if roles.iter().any(|role| needed.contains(role)) {
                    Verdict::May
                } else {
                    Verdict::MayNot
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
