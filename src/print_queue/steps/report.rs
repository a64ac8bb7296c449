//! What came out of a printer: reports of cards and of spoiled blanks, and the doors downhill that both, and somebody's word
//! about a blank in doubt, lead through.
//!
//! What is easily got wrong: what became known of the person while a blank was bound is read after the requests are locked,
//! in a statement of its own. Whoever changes it later waits for them.

use std::collections::BTreeMap;

use crate::{
    error::{Error, Result},
    handover::{self, Opened},
    ids::{PrintRequestId, Serial},
    inventory::{self, Location, Spoilage},
    print_queue::{
        LateReport, LeaseKey, PrintRequest, Refusal, Unsure,
        decide::{self, Command},
        steps::{
            incident,
            print::{self, Moved, Outcome, moved, outcomes},
            save,
        },
        store,
    },
    work::Work,
};

/// One blank whose print has ended, well or not.
#[derive(Debug, Clone, Copy)]
pub struct Reported {
    /// The lease under which it was bound.
    pub key: LeaseKey,
    /// The blank.
    pub serial: Serial,
}

/// What was decided about one item.
type Decided = (PrintRequestId, Result<Moved, Refusal>);

/// Reports cards that came out well: each awaits its holder from now on. One under a fence that was good once is kept as an
/// incident.
#[tracing::instrument(name = "step.report_printed", skip_all, fields(cards = cards.len()))]
pub async fn report_printed(work: &mut Work, cards: Vec<Reported>) -> Result<Vec<Outcome>> {
    let requests = lock(work, cards.iter()).await?;
    let mut decided = decide_each(work, &requests, cards.iter(), |_, serial| {
        Ok(Command::ReportPrinted { serial })
    });
    let late: Vec<LateReport> = decided
        .iter()
        .zip(&cards)
        .filter(|((id, outcome), card)| {
            let is_fenced = matches!(outcome, Err(Refusal::Fenced));
            let request = requests.get(id);
            is_fenced && request.is_some_and(|r| decide::is_late_report(r, card.key.fence))
        })
        .map(|((id, _), card)| LateReport {
            print_request_id: *id,
            fence: card.key.fence,
            serial: card.serial,
        })
        .collect();
    let stopped = incident::open(work, &late, &requests).await?;
    for (id, outcome) in &mut decided {
        if let Some((incident, _)) = stopped.get(id) {
            *outcome = Err(Refusal::Unsure(Unsure::LateReport(*incident)));
        }
    }
    let held = stopped.values().filter_map(|(_, held)| held.as_ref());
    let decided = told(decided);
    let after: Vec<&PrintRequest> = moved(&decided).map(|m| &m.after).chain(held).collect();
    save(work, &after).await?;
    to_collections(work, &moved(&decided).collect::<Vec<_>>()).await?;
    Ok(outcomes(decided))
}

/// Reports spoiled blanks: their requests go back to their old places.
#[tracing::instrument(name = "step.report_spoiled", skip_all, fields(blanks = blanks.len()))]
pub async fn report_spoiled(
    work: &mut Work,
    blanks: Vec<(Reported, Spoilage)>,
) -> Result<Vec<Outcome>> {
    let reports = || blanks.iter().map(|(report, _)| report);
    let requests = lock(work, reports()).await?;
    let ids: Vec<PrintRequestId> = requests.keys().copied().collect();
    let circumstances = store::circumstances(work.db(), &ids).await?;
    let decided = decide_each(work, &requests, reports(), |id, serial| {
        let circumstances = circumstances.get(&id).copied();
        circumstances.map_or(Err(Refusal::PrintRequestNotFound), |circumstances| {
            Ok(Command::ReportSpoiled {
                serial,
                circumstances,
            })
        })
    });
    let decided = told(decided);
    let spoiled: Vec<&Moved> = moved(&decided).collect();
    save(work, &spoiled.iter().map(|m| &m.after).collect::<Vec<_>>()).await?;
    // What was refused is not in the list any more: each way goes with its serial.
    let kinds: BTreeMap<Serial, Spoilage> = blanks.iter().map(|(b, k)| (b.serial, *k)).collect();
    let kind = |m: &&Moved| m.before.standing.serial().map(|serial| kinds[&serial]);
    let kinds: Vec<Spoilage> = spoiled.iter().filter_map(kind).collect();
    to_destruction(work, &spoiled, &kinds).await?;
    Ok(outcomes(decided))
}

/// Every printed card awaits its holder.
pub(super) async fn to_collections(work: &mut Work, printed: &[&Moved]) -> Result<()> {
    if printed.is_empty() {
        return Ok(());
    }
    let blanks = blanks(printed)?;
    let opened: Vec<Opened> = printed
        .iter()
        .zip(&blanks)
        .map(|(printed, (serial, location, print_request_id))| Opened {
            print_request_id: *print_request_id,
            resident_id: printed.after.resident_id,
            serial: *serial,
            location: *location,
        })
        .collect();
    handover::open(work, &opened).await?;
    inventory::mark_printed(work, &blanks).await
}

/// Every spoiled blank is kept for destruction, each spoiled in its own way.
pub(super) async fn to_destruction(
    work: &mut Work,
    spoiled: &[&Moved],
    kinds: &[Spoilage],
) -> Result<()> {
    if spoiled.is_empty() {
        return Ok(());
    }
    inventory::mark_spoiled(work, &blanks(spoiled)?, kinds).await
}

fn blanks(moved: &[&Moved]) -> Result<Vec<(Serial, Location, PrintRequestId)>> {
    moved.iter().map(|moved| moved.blank()).collect()
}

async fn lock(
    work: &mut Work,
    reports: impl Iterator<Item = &Reported>,
) -> Result<BTreeMap<PrintRequestId, PrintRequest>> {
    let ids: Vec<PrintRequestId> = reports.map(|report| report.key.print_request_id).collect();
    print::lock(work, &ids).await
}

fn decide_each<'r>(
    work: &Work,
    requests: &BTreeMap<PrintRequestId, PrintRequest>,
    reports: impl Iterator<Item = &'r Reported>,
    command: impl Fn(PrintRequestId, Serial) -> Result<Command, Refusal>,
) -> Vec<Decided> {
    let (now, holder) = (work.now(), work.caller().name());
    let decide = |Reported { key, serial }: &Reported| {
        let id = key.print_request_id;
        let before = requests.get(&id).ok_or(Refusal::PrintRequestNotFound)?;
        Moved::by(before, (&holder, *key), command(id, *serial)?, now)
    };
    reports
        .map(|report| (report.key.print_request_id, decide(report)))
        .collect()
}

fn told(decided: Vec<Decided>) -> Vec<Outcome<Moved>> {
    decided
        .into_iter()
        .map(|(id, outcome)| (id, outcome.map_err(Error::from)))
        .collect()
}
