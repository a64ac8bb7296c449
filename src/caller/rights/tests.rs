//! The table of rights against the rules that it is made by.

use std::collections::BTreeSet;

use super::*;

fn verdict(path: &str, role: Role, officer: Option<&[OfficerRole]>) -> Verdict {
    right(path).map_or(Verdict::MayNot, |right| right.verdict(role, officer))
}

#[test]
fn no_path_has_two_lines() {
    let paths: BTreeSet<&str> = RIGHTS.iter().map(|right| right.path).collect();
    assert_eq!(paths.len(), RIGHTS.len());
}

#[test]
fn every_path_is_written_as_it_comes_over_the_wire() {
    for right in RIGHTS {
        let parts: Vec<&str> = right.path.split('/').collect();
        assert!(
            matches!(parts.as_slice(), ["", service, method]
            if service.contains('.') && !method.is_empty()),
            "{}",
            right.path
        );
        assert!(
            !right.callers.is_empty(),
            "{} may be called by nobody",
            right.path
        );
    }
}

#[test]
fn a_certificate_may_call_its_own_rpcs_and_no_others() {
    let printer = Some(&[Printer][..]);
    let bind = "/ektp.v1.PrintQueue/BindBlanks";
    assert_eq!(verdict(bind, Role::Terminal, printer), Verdict::May);
    assert_eq!(verdict(bind, Role::Store, printer), Verdict::MayNot);
    let watch = "/ektp.v1.PrintQueue/WatchQueue";
    assert_eq!(verdict(watch, Role::Policy, None), Verdict::May);
    let health = "/grpc.health.v1.Health/Check";
    assert_eq!(verdict(health, Role::Public, None), Verdict::May);
    for wrong in [
        "/ektp.v1.PrintQueue/bindblanks",
        "/ektp.v1.PrintQueue/DropEverything",
        "",
    ] {
        assert_eq!(verdict(wrong, Role::Terminal, printer), Verdict::MayNot);
    }
}

#[test]
fn a_contractor_records_people_and_does_nothing_else() {
    let allowed: Vec<&str> = RIGHTS
        .iter()
        .filter(|right| match right.officers {
            Officers::Needed(roles) => roles.contains(&Contractor),
            Officers::None | Officers::MayCome => false,
        })
        .map(|right| right.path.rsplit('/').next().unwrap_or_default())
        .collect();
    assert_eq!(
        allowed,
        ["RecordEnrolment", "ImportEnrolments", "CloseShift"]
    );
}

#[test]
fn the_urgent_calls_are_these_and_all_others_are_of_the_class_of_their_nature() {
    let of = |class| -> Vec<&str> {
        let lines = RIGHTS.iter().filter(|right| right.class == class);
        lines
            .map(|right| right.path.rsplit('/').next().unwrap_or_default())
            .collect()
    };
    assert_eq!(
        of(Some(Class::Prints)),
        [
            "RenewLeases",
            "BindBlanks",
            "ReportPrinted",
            "ReportSpoiled",
            "ResolveInDoubt",
            "ResolveIncident",
            "ReleaseLeases",
            "StartHandover",
            "CompleteHandover"
        ]
    );
    let leases = [
        "LeaseChecks",
        "RecordVerdicts",
        "LeasePrintRequests",
        "GetCardFace",
    ];
    assert_eq!(of(Some(Class::Leases)), leases);
    for right in RIGHTS {
        let ours = right.path.starts_with("/ektp.");
        let expected = match right.nature {
            Write => Class::Registration,
            Read => Class::Lists,
            Stream => continue,
        };
        let urgent = right.class < Some(expected);
        assert!(urgent || right.class == Some(expected), "{}", right.path);
        assert!(ours || right.class.is_none(), "{}", right.path);
    }
}

#[test]
fn every_write_needs_an_officer_but_those_of_machines() {
    let without: Vec<&str> = RIGHTS
        .iter()
        .filter(|right| right.nature == Write && !matches!(right.officers, Officers::Needed(_)))
        .map(|right| right.path.rsplit('/').next().unwrap_or_default())
        .collect();
    assert_eq!(without, ["RecordVerdicts", "OpenShift", "RenewTerminal"]);
}
