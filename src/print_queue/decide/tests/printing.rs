//! What a printer may do: every state met by every command, and random lives of a request.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
};
use uuid::Uuid;

use super::*;
use crate::{
    ids::{PrintRequestId, ResidentId},
    print_queue::{Lease, RequestState},
};

/// Every state met by every command of the lease's holder.
const ANSWERS: &str = "\
QUEUED + renew = Fenced
QUEUED + show face = Fenced
QUEUED + bind = Fenced
QUEUED + bind, overdue = Fenced
QUEUED + bind, duplicate = Fenced
QUEUED + printed = Fenced
QUEUED + printed on 42 = Fenced
QUEUED + spoiled = Fenced
QUEUED + release = Fenced
QUEUED + run out = as it was
LEASED + renew = LEASED #1
LEASED + show face = LEASED #1
LEASED + bind = BOUND 41 #1
LEASED + bind, overdue = LeaseExpired
LEASED + bind, duplicate = DuplicateRecord
LEASED + printed = WrongState(Leased)
LEASED + printed on 42 = WrongState(Leased)
LEASED + spoiled = WrongState(Leased)
LEASED + release = QUEUED #1
LEASED + run out = QUEUED #1
BOUND + renew = BOUND 41 #1
BOUND + show face = BOUND 41 #1
BOUND + bind = WrongState(Bound)
BOUND + bind, overdue = WrongState(Bound)
BOUND + bind, duplicate = WrongState(Bound)
BOUND + printed = PRINTED 41 #1
BOUND + printed on 42 = SerialDiffers { bound: Serial(41) }
BOUND + spoiled = QUEUED #2
BOUND + release = WrongState(Bound)
BOUND + run out = IN_DOUBT 41 #1
IN_DOUBT + renew = WrongState(InDoubt)
IN_DOUBT + show face = WrongState(InDoubt)
IN_DOUBT + bind = WrongState(InDoubt)
IN_DOUBT + bind, overdue = WrongState(InDoubt)
IN_DOUBT + bind, duplicate = WrongState(InDoubt)
IN_DOUBT + printed = PRINTED 41 #1
IN_DOUBT + printed on 42 = SerialDiffers { bound: Serial(41) }
IN_DOUBT + spoiled = Unsure(SecondPersonRequired)
IN_DOUBT + release = WrongState(InDoubt)
IN_DOUBT + run out = as it was
PRINTED + renew = WrongState(Printed)
PRINTED + show face = WrongState(Printed)
PRINTED + bind = WrongState(Printed)
PRINTED + bind, overdue = WrongState(Printed)
PRINTED + bind, duplicate = WrongState(Printed)
PRINTED + printed = WrongState(Printed)
PRINTED + printed on 42 = WrongState(Printed)
PRINTED + spoiled = WrongState(Printed)
PRINTED + release = WrongState(Printed)
PRINTED + run out = as it was
";

pub(super) fn lease() -> Lease {
    lease_of(HOLDER)
}

pub(in crate::print_queue::decide) fn lease_of(holder: &str) -> Lease {
    Lease {
        holder: holder.to_owned(),
        location: Location::of_district(district()),
        expires_at: NOW,
    }
}

pub(in crate::print_queue::decide) fn request(standing: Standing) -> PrintRequest {
    PrintRequest {
        print_request_id: PrintRequestId::from(Uuid::from_u128(2)),
        district: district(),
        subdistrict: "35.75.02".parse().expect("a subdistrict"),
        site: "office".to_owned(),
        resident_id: ResidentId::from(Uuid::from_u128(1)),
        applicant_class: ApplicantClass::FirstIssue,
        seniority_at: datetime!(2016-10-03 09:00 +7),
        requested_at: NOW,
        enrolled_on: datetime!(2016-10-03 09:00 +7).date(),
        standing,
        state_at: NOW,
        stage: 1,
        attempt: 1,
        policy_version: 1,
        identity_version: 1,
        facts_version: 1,
        fence: FENCE,
    }
}

pub(super) fn standings() -> [Standing; 5] {
    [
        Standing::Queued,
        Standing::Leased(lease()),
        Standing::Bound(lease(), serial(41)),
        Standing::InDoubt(lease(), serial(41)),
        Standing::Printed(serial(41)),
    ]
}

fn commands() -> [(&'static str, Command); 9] {
    let bind = |overdue, enrolment| Command::Bind {
        serial: serial(41),
        overdue,
        look: look(enrolment),
    };
    [
        ("renew", Command::Renew),
        ("show face", Command::ShowFace),
        ("bind", bind(false, EnrolmentState::PrintReady)),
        ("bind, overdue", bind(true, EnrolmentState::PrintReady)),
        ("bind, duplicate", bind(false, EnrolmentState::Duplicate)),
        ("printed", Command::ReportPrinted { serial: serial(41) }),
        (
            "printed on 42",
            Command::ReportPrinted { serial: serial(42) },
        ),
        (
            "spoiled",
            Command::ReportSpoiled {
                serial: serial(41),
                circumstances: circumstances(),
            },
        ),
        ("release", Command::Release),
    ]
}

/// `BOUND 41 #1` or the refusal.
fn told(outcome: &Result<PrintRequest, Refusal>) -> String {
    match outcome {
        Ok(after) => {
            let serial = after
                .standing
                .serial()
                .map(|s| format!(" {s}"))
                .unwrap_or_default();
            format!(
                "{}{serial} #{}",
                after.standing.state().name(),
                after.attempt
            )
        }
        Err(refusal) => format!("{refusal:?}"),
    }
}

#[test]
fn every_state_answers_every_command() {
    let mut table = String::new();
    for standing in standings() {
        let before = request(standing);
        for (name, command) in commands() {
            let after = carry_out(&before, (HOLDER, FENCE), command, NOW);
            table += &format!(
                "{} + {name} = {}\n",
                before.standing.state().name(),
                told(&after)
            );
        }
        let expired = expire_lease(&before, NOW).map(Ok);
        let after = expired.as_ref().map_or("as it was".to_owned(), told);
        table += &format!("{} + run out = {after}\n", before.standing.state().name());
    }
    assert_eq!(table, ANSWERS);
}

#[test]
fn another_terminal_and_an_older_fence_are_told_nothing_else() {
    for standing in standings() {
        let before = request(standing);
        for (_, command) in commands() {
            for fence in [FENCE - 1, FENCE + 1] {
                let old = carry_out(&before, (HOLDER, fence), command, NOW);
                assert_eq!(old, Err(Refusal::Fenced));
            }
            if before.standing.lease().is_some() {
                let other = carry_out(&before, (OTHER, FENCE), command, NOW);
                assert_eq!(other, Err(Refusal::Fenced));
            }
        }
    }
}

/// One thing that happens to a request.
#[derive(Debug, Clone, Copy)]
enum Event {
    Leased {
        by: &'static str,
    },
    RunOut,
    Commanded {
        by: &'static str,
        fence_back: i64,
        command: Command,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let by = prop_oneof![4 => Just(HOLDER), 1 => Just(OTHER)];
    let command = (1_i64..4, any::<bool>(), 0..6).prop_map(|(number, overdue, which)| {
        let serial = serial(number);
        match which {
            0 => Command::Renew,
            1 => Command::Release,
            2 => Command::ReportPrinted { serial },
            3 => Command::ReportSpoiled {
                serial,
                circumstances: circumstances(),
            },
            _ => Command::Bind {
                serial,
                overdue,
                look: look(EnrolmentState::PrintReady),
            },
        }
    });
    let fence_back = prop_oneof![5 => Just(0_i64), 1 => Just(1)];
    prop_oneof![
        2 => by.clone().prop_map(|by| Event::Leased { by }),
        1 => Just(Event::RunOut),
        6 => (by, fence_back, command)
            .prop_map(|(by, fence_back, command)| Event::Commanded { by, fence_back, command }),
    ]
}

/// What the lease's statement does to one row.
fn leased(request: &PrintRequest, by: &str) -> Option<PrintRequest> {
    let standing = Standing::Leased(lease_of(by));
    let queued = request.standing.state() == RequestState::Queued;
    queued.then(|| PrintRequest {
        standing,
        fence: request.fence + 1,
        ..request.clone()
    })
}

fn follows(before: &PrintRequest, event: Event) -> Option<PrintRequest> {
    match event {
        Event::Leased { by } => leased(before, by),
        Event::RunOut => expire_lease(before, NOW),
        Event::Commanded {
            by,
            fence_back,
            command,
        } => carry_out(before, (by, before.fence - fence_back), command, NOW).ok(),
    }
}

proptest! {
    #[test]
    fn no_life_of_a_request_loses_its_place_or_binds_two_blanks(events in vec(event(), 0..80)) {
        let mut now = request(Standing::Queued);
        for event in events {
            let Some(next) = follows(&now, event) else { continue };
            prop_assert_eq!(next.seniority_at, now.seniority_at);
            prop_assert_eq!(next.applicant_class, now.applicant_class);
            prop_assert!(next.fence >= now.fence);
            let spoiled = matches!(
                event,
                Event::Commanded { command: Command::ReportSpoiled { .. }, .. }
            );
            prop_assert_eq!(next.attempt, now.attempt + i32::from(spoiled));
            match (now.standing.serial(), next.standing.serial()) {
                // A bound blank stays the same until the request is queued again, spoiled.
                (Some(bound), Some(still)) => prop_assert_eq!(bound, still),
                (Some(_), None) => prop_assert!(spoiled),
                (None, Some(_)) => {
                    prop_assert_eq!(now.standing.state(), RequestState::Leased);
                    prop_assert_eq!(next.standing.state(), RequestState::Bound);
                }
                (None, None) => {}
            }
            prop_assert!(now.standing.state() != RequestState::Printed, "printed is final");
            now = next;
        }
    }
}
