//! The figures of the limit: each counted from the system's answers and set beside what the article says.
//!
//! What is easily got wrong: the article declares that its blanks are enough. Here that is computed (S1-16), from a need and
//! a stock in the same proportion.

use time::Date;

use super::{
    Limit,
    plan::{BACKLOG, BLANKS, DAYS, LACKING, LIFTED, QUOTA, SATURDAY, TOO_LATE, UNCHECKED},
};
use crate::{
    cli::demo::{
        order,
        table::{Figure, Sheet, count, imbalance},
    },
    proto::{ErrorReason, HoldReason},
};

/// All figures of the story; so many blanks were in stock before the first print.
pub fn figures(limit: &Limit, in_stock: usize) -> Vec<Figure> {
    let mut sheet = Sheet::default();
    let asked: usize = limit.days.iter().map(|day| day.asked).sum();
    sheet.rule("S1-1");
    sheet.number(
        "enrolled in 2017, print-ready: held until the window moves",
        TOO_LATE,
        limit.too_late.held_for(HoldReason::EnrolmentWindow),
    );
    sheet.number(
        "enrolled in 2017, still at the centre: refused",
        UNCHECKED,
        limit.unchecked.refused_for(ErrorReason::NotPrintReady),
    );
    sheet.rule("S1-2");
    let saturday = &limit.days[SATURDAY].submitted;
    sheet.number(
        "asked on Saturday: held for the next working day",
        DAYS[SATURDAY].1,
        saturday.held_for(HoldReason::OfficeClosed),
    );
    papers(limit, &mut sheet);
    quota(limit, &mut sheet);
    sheet.rule("S1-16");
    sheet.number(
        "open requests after the last day",
        asked + TOO_LATE,
        limit.need,
    );
    // The few who come in the story have as large a part of the blanks as they are of the article's people.
    let part = in_stock * limit.need / BACKLOG;
    let blanks = usize::try_from(BLANKS).expect("a small number");
    sheet.number(
        "  blanks for so many of the article's 93,454",
        blanks * (asked + TOO_LATE) / BACKLOG,
        part,
    );
    sheet.happened(
        "  enough, as computed (declared: yes)",
        false,
        limit.need <= part,
    );
    sheet.number("cards printed", asked, limit.printed);
    sheet.number(
        "blanks spoiled",
        limit.print.spoiled,
        count(limit.stock.spoiled),
    );
    sheet.number(
        "blanks that the city's account misses",
        0,
        imbalance(&limit.stock),
    );
    order::figures(
        &limit.proof,
        limit.print.printed + limit.print.spoiled,
        &mut sheet,
    );
    sheet.figures()
}

fn papers(limit: &Limit, sheet: &mut Sheet) {
    sheet.rule("S1-3");
    for (what, reason) in [
        ("a copy of the family card", ErrorReason::DocumentMissing),
        (
            "an interim certificate",
            ErrorReason::InterimCertificateRequired,
        ),
        ("a mobile number", ErrorReason::DocumentMissing),
    ] {
        let refused = limit
            .lacking
            .get(what)
            .map_or(0, |one| one.refused_for(reason));
        sheet.number(what, LACKING, refused);
    }
    let words = limit.too_late.words.is_some();
    sheet.rule("S1-4");
    sheet.happened("a reason is told, and no day is promised", true, words);
}

/// What follows from the limit: each open day takes in as many as it has room for, those first who are held.
fn quota(limit: &Limit, sheet: &mut Sheet) {
    sheet.rule("S1-11");
    sheet.happened(
        "a limit of 400 thousand a day is refused",
        true,
        limit.absurd_refused,
    );
    let (mut queued, mut held) = (0, 0);
    for ((day, coming), seen) in DAYS.into_iter().zip(&limit.days) {
        let room = match day {
            LIFTED => held + coming,
            _ if day == DAYS[SATURDAY].0 => 0,
            _ => QUOTA,
        };
        let taken = room.min(held + coming);
        (queued, held) = (queued + taken, held + coming - taken);
        sheet.number(name(day), queued, seen.queued);
    }
    sheet.number(
        "held for the quota or the Saturday at the end",
        held,
        limit.days[DAYS.len() - 1].held,
    );
}

fn name(day: Date) -> &'static str {
    match day.day() {
        18 => "in the queue on Wednesday, 18 October",
        19 => "in the queue on Thursday",
        20 => "in the queue on Friday",
        21 => "in the queue on Saturday",
        _ => "in the queue on Monday, 23 October, without a limit",
    }
}
