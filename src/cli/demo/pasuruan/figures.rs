//! The figures of the day: each counted from the system's answers and set beside what the article says.
//!
//! What is easily got wrong: the article speaks of the holders of an interim certificate. The story has a few people more
//! (duplicates, people without papers or biometrics), and they are never counted among the holders.

use super::{
    DayAtTheOffice,
    plan::{BLANKS, DUPLICATES, HOLDERS, PAPERLESS, PLACE, PRINT_READY, UNCAPTURED},
};
use crate::{
    cli::demo::{
        citizen::{Citizen, Part},
        place::local_day,
        queue,
        table::{Figure, Sheet, count, imbalance},
    },
    proto::{
        ApplicantClass, EnrolmentReason, EnrolmentState, ErrorReason, NoticeState, QueueEntry,
        ShortSide,
    },
};

/// Where a person stands who waits for the centre.
const AT_THE_CENTRE: [EnrolmentState; 4] = [
    EnrolmentState::Sent,
    EnrolmentState::Checking,
    EnrolmentState::Adjudicating,
    EnrolmentState::CaptureRejected,
];

/// All figures of the day.
pub fn figures(day: &DayAtTheOffice) -> Vec<Figure> {
    let mut sheet = Sheet::default();
    opening(day, &mut sheet);
    admission(day, &mut sheet);
    enrolments(day, &mut sheet);
    waiting(day, &mut sheet);
    if day.spoilage > 0.0 {
        spoiled_print(day, &mut sheet);
    } else {
        print(day, &mut sheet);
    }
    holders(day, &mut sheet);
    officers(day, &mut sheet);
    proofs(day, &mut sheet);
    sheet.figures()
}

fn opening(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let (leases, short) = day.leased_before_receipt;
    sheet.rule("S0-1");
    sheet.number(
        "blanks received from the ministry",
        blanks(),
        count(day.city.received),
    );
    sheet.rule("S0-2");
    sheet.number("cards leased before the blanks were there", 0, leases);
    sheet.words("what was short then", side(ShortSide::Blanks), side(short));
    sheet.rule("S0-15");
    sheet.happened(
        "somebody else opens the service",
        false,
        day.stranger_received,
    );
    sheet.rule("S0-16");
    sheet.happened(
        "a district's terminal gives a verdict",
        false,
        day.district_judged,
    );
}

fn side(short: ShortSide) -> &'static str {
    match short {
        ShortSide::Unspecified => "nothing",
        ShortSide::Requests => "requests",
        ShortSide::Blanks => "blanks",
    }
}

fn blanks() -> usize {
    usize::try_from(BLANKS).expect("a small number")
}

/// The four applicants of S0-3, and the duplicates of S0-10.
fn admission(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let is_holder = |place: &&usize| day.citizens[**place].certificate.is_some();
    let refused = |reason: ErrorReason| {
        let places = day
            .submitted
            .refused
            .get(&reason)
            .map_or(&[][..], Vec::as_slice);
        let holders = places.iter().filter(is_holder).count();
        (holders, places.len() - holders)
    };
    let queued = day.submitted.queued.values();
    let (waiting_holders, neither) = refused(ErrorReason::NotPrintReady);
    let (_, paperless) = refused(ErrorReason::InterimCertificateRequired);
    let (holding_duplicates, duplicates) = refused(ErrorReason::DuplicateRecord);
    sheet.rule("S0-3");
    sheet.number("queued", PRINT_READY, queued.len());
    sheet.number(
        "  of them with a certificate",
        PRINT_READY,
        queued.filter(is_holder).count(),
    );
    sheet.number(
        "refused: print-ready, no certificate (beyond)",
        PAPERLESS,
        paperless,
    );
    sheet.number(
        "refused: certificate, not print-ready",
        HOLDERS - PRINT_READY,
        waiting_holders,
    );
    sheet.number("refused: neither (beyond)", UNCAPTURED, neither);
    sheet.rule("S0-10");
    sheet.number(
        "duplicates refused (beyond)",
        DUPLICATES,
        duplicates + holding_duplicates,
    );
}

fn enrolments(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let is_holder = |place: usize| day.citizens[place].certificate.is_some();
    let holders = (0..day.citizens.len())
        .filter(|place| is_holder(*place))
        .count();
    let print_ready = day.in_state(&[EnrolmentState::PrintReady], is_holder);
    let waiting = day.in_state(&AT_THE_CENTRE, is_holder);
    let recorded = day.in_state(&[EnrolmentState::Recorded], |_| true);
    let mismatch = i32::from(EnrolmentReason::DemographicMismatch);
    let disagree = day
        .enrolments
        .iter()
        .filter(|one| one.reasons.contains(&mismatch))
        .count();
    let mismatched = day
        .citizens
        .iter()
        .filter(|citizen| citizen.part == Part::Mismatched)
        .count();
    sheet.rule("S0-4");
    sheet.number("holders of an interim certificate", HOLDERS, holders);
    sheet.number("  of them print-ready", PRINT_READY, print_ready);
    sheet.rule("S0-6");
    sheet.number(
        "holders still at the centre",
        HOLDERS - PRINT_READY,
        waiting,
    );
    sheet.rule("S0-8");
    sheet.number(
        "without biometrics, so not checked (beyond)",
        UNCAPTURED,
        recorded,
    );
    sheet.rule("S0-9");
    sheet.number("biodata disagree, so not print-ready", mismatched, disagree);
}

fn waiting(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let entries = || {
        day.before
            .iter()
            .filter_map(|request| request.entry.as_ref())
    };
    let of = |class| {
        entries()
            .filter(|entry| entry.applicant_class() == class)
            .count()
    };
    let received = |entry: &QueueEntry| local_day(entry.seniority_time.as_ref());
    let oldest = entries()
        .filter_map(received)
        .min()
        .unwrap_or(time::Date::MIN);
    let month = |day: time::Date| format!("{} {}", day.month(), day.year());
    let had_run_out = |citizen: &&Citizen| day.had_run_out(citizen);
    let run_out = day.printed_citizens().filter(had_run_out).count();
    sheet.rule("S0-7");
    sheet.words(
        "oldest request in the queue",
        &month(PLACE.first_day),
        &month(oldest),
    );
    sheet.some("printed, though the certificate had run out", run_out);
    sheet.rule("S0-11");
    sheet.above(
        "first issues in the queue",
        day.before.len() / 2,
        of(ApplicantClass::FirstIssue),
    );
    sheet.rule("S0-12");
    sheet.some("data changes in the queue", of(ApplicantClass::DataChange));
}

fn print(day: &DayAtTheOffice, sheet: &mut Sheet) {
    sheet.rule("S0-5");
    sheet.number("cards printed", PRINT_READY, day.printed.len());
    sheet.number(
        "blanks left",
        blanks() - PRINT_READY,
        count(day.city.in_stock),
    );
    sheet.number("requests left in the queue", 0, day.after.len());
}

/// With spoilage the article's figures are replaced by what follows from them.
fn spoiled_print(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let (printed, spoiled) = (day.printed.len(), count(day.city.spoiled));
    let in_stock = count(day.city.in_stock);
    let is_at_its_end = in_stock == 0 || day.after.is_empty();
    sheet.rule("S0-5");
    sheet.number(
        "cards printed, as the printers reported",
        day.print.printed,
        printed,
    );
    sheet.number(
        "blanks spoiled, as the printers reported",
        day.print.spoiled,
        spoiled,
    );
    sheet.number(
        "printed + spoiled + left",
        blanks(),
        printed + spoiled + in_stock,
    );
    sheet.number(
        "requests left in the queue",
        PRINT_READY - printed,
        day.after.len(),
    );
    sheet.happened(
        "the blanks or the queue are at their end",
        true,
        is_at_its_end,
    );
}

fn holders(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let has_phone = |citizen: &&Citizen| citizen.person.phone.is_some();
    let with_phone = day.printed_citizens().filter(has_phone).count();
    let collected = &day.collected;
    let queued = collected.notices(NoticeState::Queued);
    let notices = queued + collected.notices(NoticeState::Sent);
    let tasks: usize = collected.tasks.values().sum();
    let handed_over = count(day.city.handed_over);
    sheet.rule("S0-13");
    sheet.number("messages to holders with a phone", with_phone, notices);
    sheet.rule("S0-14");
    sheet.number(
        "tasks for the villages' officers",
        day.printed.len() - with_phone,
        tasks,
    );
    sheet.rule("S0-17");
    sheet.number(
        "handed over on the first morning",
        collected.handed_over,
        handed_over,
    );
    sheet.number(
        "interim certificates taken back with them",
        handed_over,
        collected.surrendered,
    );
    sheet.happened(
        "a card for a finger that does not match",
        false,
        !collected.mismatch_refused,
    );
    sheet.above(
        "printed, the larger part still at the office",
        handed_over,
        day.printed.len(),
    );
}

/// Two persons for what is dangerous, and what nobody may.
fn officers(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let (leaders, guarded) = (&day.leaders, &day.guarded);
    sheet.rule("S3-5");
    sheet.happened(
        "a contractor's operator gets cards to print",
        false,
        guarded.contractor_printed,
    );
    sheet.rule("who");
    sheet.number(
        "officers registered by two persons",
        leaders.registered,
        leaders.by_two,
    );
    for (what, happened) in [
        (
            "a head approves what she asked for herself",
            leaders.approved_alone,
        ),
        ("blanks taken in without a shift", guarded.without_shift),
        ("… with another terminal's shift", guarded.foreign_shift),
        ("a revoked terminal goes on", guarded.revoked_went_on),
        ("a revoked terminal comes back", guarded.revoked_came_back),
    ] {
        sheet.happened(what, false, happened);
    }
}

fn proofs(day: &DayAtTheOffice, sheet: &mut Sheet) {
    let windows = &day.windows;
    let gaps = windows.iter().filter(|seen| seen.gap.is_some()).count();
    let newest = windows.iter().map(|seen| seen.revision).max();
    let at_newest = windows
        .iter()
        .filter(|seen| Some(seen.revision) == newest)
        .count();
    let faces = day.print.printed + day.print.spoiled;
    sheet.rule("stock");
    sheet.number(
        "blanks that the centre's account misses",
        0,
        imbalance(&day.centre),
    );
    sheet.number(
        "blanks that the city's account misses",
        0,
        imbalance(&day.city),
    );
    sheet.rule("order");
    sheet.number(
        "requests served or waiting in their order",
        day.before.len(),
        queue::in_order(&day.before, |id| day.printed.contains_key(id), &day.after),
    );
    sheet.rule("faces");
    sheet.number(
        "faces that show what was recorded",
        faces,
        day.print.faces_right,
    );
    sheet.rule("feed");
    sheet.number("gaps in the four windows' streams", 0, gaps);
    sheet.number("windows that saw the last change", windows.len(), at_newest);
    sheet.some(
        "changes seen in all",
        windows.iter().map(|seen| seen.changes).sum(),
    );
}
