//! The one table of roles and RPCs. An RPC that is missing here can be called by nobody, and a test that walks the
//! contract's descriptor fails until its line is written.
//!
//! A right says only that a role may call at all; whose rows the call sees follows from the caller's scope.

use super::Role;

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

/// Each RPC by its full path, and the roles that may call it.
pub const RIGHTS: &[(&str, &[Role])] = &[
    ("/ektp.v1.Registration/RecordEnrolment", TERMINAL),
    ("/ektp.v1.Registration/ImportEnrolments", TERMINAL),
    ("/ektp.v1.Registration/GetEnrolment", TERMINAL),
    ("/ektp.v1.Registration/ListEnrolments", TERMINAL),
    ("/ektp.v1.Registration/LeaseChecks", MATCHER),
    ("/ektp.v1.Registration/RecordVerdicts", MATCHER),
    ("/ektp.v1.Registration/IssueInterimCertificates", TERMINAL),
    ("/ektp.v1.PrintQueue/SubmitPrintRequests", TERMINAL),
    ("/ektp.v1.PrintQueue/GetPrintRequest", TERMINAL),
    ("/ektp.v1.PrintQueue/ListPrintRequests", TERMINAL),
    // The policy desk follows any one district, which its request names.
    (
        "/ektp.v1.PrintQueue/WatchQueue",
        &[Role::Terminal, Role::Policy],
    ),
    ("/ektp.v1.PrintQueue/LeasePrintRequests", TERMINAL),
    ("/ektp.v1.PrintQueue/RenewLeases", TERMINAL),
    ("/ektp.v1.PrintQueue/GetCardFace", TERMINAL),
    ("/ektp.v1.PrintQueue/BindBlanks", TERMINAL),
    ("/ektp.v1.PrintQueue/ReportPrinted", TERMINAL),
    ("/ektp.v1.PrintQueue/ReportSpoiled", TERMINAL),
    ("/ektp.v1.PrintQueue/ReleaseLeases", TERMINAL),
    ("/ektp.v1.Inventory/RegisterDelivery", STORE),
    ("/ektp.v1.Inventory/DispatchShipment", STORE),
    ("/ektp.v1.Inventory/ReceiveShipment", TERMINAL),
    (
        "/ektp.v1.Inventory/GetStock",
        &[Role::Terminal, Role::Store],
    ),
    (
        "/ektp.v1.Inventory/LocateBlank",
        &[Role::Terminal, Role::Store],
    ),
    ("/ektp.v1.Handover/ListAwaiting", TERMINAL),
    ("/ektp.v1.Handover/StartHandover", TERMINAL),
    ("/ektp.v1.Handover/CompleteHandover", TERMINAL),
    ("/ektp.v1.Handover/ListContactTasks", TERMINAL),
    ("/grpc.health.v1.Health/Check", EVERYONE),
    ("/grpc.health.v1.Health/Watch", EVERYONE),
    ("/grpc.health.v1.Health/List", EVERYONE),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        EVERYONE,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        EVERYONE,
    ),
];

/// Whether `role` may call the RPC of `path`; a path that is not in the table may be called by nobody.
pub fn may(role: Role, path: &str) -> bool {
    RIGHTS
        .iter()
        .any(|(known, roles)| *known == path && roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_path_has_two_lines() {
        let paths: BTreeSet<&str> = RIGHTS.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths.len(), RIGHTS.len());
    }

    #[test]
    fn every_path_is_written_as_it_comes_over_the_wire() {
        for (path, roles) in RIGHTS {
            let parts: Vec<&str> = path.split('/').collect();
            assert!(
                matches!(parts.as_slice(), ["", service, method]
                if service.contains('.') && !method.is_empty()),
                "{path}"
            );
            assert!(!roles.is_empty(), "{path} may be called by nobody");
        }
    }

    #[test]
    fn a_role_may_call_its_own_rpcs_and_no_others() {
        assert!(may(Role::Terminal, "/ektp.v1.PrintQueue/BindBlanks"));
        assert!(may(Role::Policy, "/ektp.v1.PrintQueue/WatchQueue"));
        assert!(may(Role::Public, "/grpc.health.v1.Health/Check"));
        assert!(!may(Role::Matcher, "/ektp.v1.Registration/GetEnrolment"));
        assert!(!may(Role::Terminal, "/ektp.v1.Inventory/RegisterDelivery"));
        assert!(!may(Role::Terminal, "/ektp.v1.PrintQueue/bindblanks"));
        assert!(!may(Role::Terminal, "/ektp.v1.PrintQueue/DropEverything"));
        assert!(!may(Role::Terminal, ""));
    }
}
