//! The audit of the whole stock: everything once more from the movements alone, and held against all that stands beside.
//!
//! It reads in one snapshot and writes nothing. What is easily got wrong: without a certificate it shows only that the
//! tables fit one another; whoever owns the database could have made them so.

use std::collections::{BTreeMap, BTreeSet};

use futures::{Stream, TryStreamExt as _};
use sqlx::{Connection as _, PgConnection};

use super::{
    Certificate, Kind, Replay, Report,
    compare::{Cards, Custody, Papers, deliveries},
    conduct::Conduct,
    leaf::{Leaf, Quantities},
    replay::Replayed,
};
use crate::{
    audit::Digest,
    error::Result,
    inventory::{
        CustodyState, Location,
        store::{
            papers::{self, Paper},
            proof as store,
        },
    },
};

/// Movements between two words about the progress.
const TELL_EVERY: u64 = 4_096;

/// How many movements an audit has to read, for its progress.
pub async fn movements(db: &mut PgConnection) -> Result<u64> {
    let numbers = store::numbers(db).await?;
    Ok(numbers
        .iter()
        .map(|(_, number)| number.unsigned_abs())
        .sum())
}

/// Audits everything; `progress` hears how many movements were read so far.
pub async fn audit(
    db: &mut PgConnection,
    certificate: Option<&Certificate>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report> {
    let mut report = Report::default();
    let mut view = db
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let mut replay = Replay::new(None);
    let mut then = certificate.map(|certificate| Replay::new(Some(certificate.cut())));
    let mut conduct = Conduct::default();
    {
        let mut ledger = std::pin::pin!(store::ledger(&mut view));
        while let Some(written) = ledger.try_next().await? {
            conduct.take(&written, &mut report);
            replay.take(written.entry);
            if let Some(then) = &mut then {
                then.take(written.entry);
            }
            report.movements += 1;
            if report.movements.is_multiple_of(TELL_EVERY) {
                progress(report.movements);
            }
        }
    }
    progress(report.movements);
    conduct.finish(&mut report);
    let now = replay.finish(&mut report);
    report.locations = now.heads.len() as u64;
    for (run, _) in now.derived.runs() {
        report.runs += 1;
        report.serials += run.count();
    }
    compare(&mut view, &now, &mut report).await?;
    if let (Some(certificate), Some(then)) = (certificate, then) {
        let then = then.finish(&mut report);
        compare_certificate(certificate, &then, &mut report);
    }
    view.rollback().await?;
    Ok(report)
}

async fn compare(view: &mut PgConnection, now: &Replayed, report: &mut Report) -> Result<()> {
    for (location, number) in store::numbers(view).await? {
        let last = now.heads.get(&location).copied().unwrap_or(0);
        if last != number {
            let words = format!("the location counts {number} movements, the last one is {last}");
            report.add(Kind::NumberMissing, location, None, words);
        }
    }
    let mut custody = Custody::begin(now.derived.runs());
    {
        let mut rows = std::pin::pin!(store::custody(view));
        while let Some(row) = rows.try_next().await? {
            custody.row(&row, report);
        }
    }
    custody.finish(report);
    let mut cards = Cards::begin(&now.derived);
    {
        let mut rows = std::pin::pin!(store::cards(view));
        while let Some(card) = rows.try_next().await? {
            cards.card(&card, report);
        }
    }
    cards.finish(report);
    deliveries(&store::deliveries(view).await?, now, report);
    compare_papers(view, now, report).await
}

async fn compare_papers(
    view: &mut PgConnection,
    now: &Replayed,
    report: &mut Report,
) -> Result<()> {
    let under_way = (Kind::ShipmentDiffers, "shipment");
    let under_way = Papers::begin(&now.derived, CustodyState::InTransit, under_way);
    report.shipments = compared(papers::shipments(view), under_way, report).await?;
    let open = (Kind::CaseDiffers, "case");
    let open = Papers::begin(&now.derived, CustodyState::Disputed, open);
    report.cases = compared(papers::cases(view), open, report).await?;
    let burned = (Kind::DestructionDiffers, "record of destruction");
    let burned = Papers::begin(&now.derived, CustodyState::Destroyed, burned);
    report.destructions = compared(papers::destructions(view), burned, report).await?;
    Ok(())
}

/// Compares papers of one kind; answers how many there are.
async fn compared(
    papers: impl Stream<Item = Result<Paper>>,
    mut walk: Papers<'_>,
    report: &mut Report,
) -> Result<u64> {
    let mut papers = std::pin::pin!(papers);
    let mut count = 0;
    while let Some(paper) = papers.try_next().await? {
        walk.paper(&paper, report);
        count += 1;
    }
    walk.finish(report);
    Ok(count)
}

/// What the movements up to the certificate's numbers give, held against its leaves.
fn compare_certificate(certificate: &Certificate, then: &Replayed, report: &mut Report) {
    let mut leaves: BTreeMap<Location, Leaf> = certificate
        .places
        .keys()
        .map(|location| (*location, Leaf::begin(*location)))
        .collect();
    for (run, account) in then.derived.runs() {
        match leaves.get_mut(&account.location) {
            Some(leaf) => leaf.add(run, account.state),
            None if certificate.area.covers(account.location) => {
                let words = format!(
                    "by the movements they were {}, the certificate has nothing there",
                    super::place(account)
                );
                report.add(Kind::CertificateDiffers, account.location, Some(run), words);
            }
            None => {}
        }
    }
    for (location, leaf) in leaves {
        report.certified += 1;
        let place = &certificate.places[&location];
        let head = then.heads.get(&location).copied().unwrap_or(0);
        if head != place.movements {
            let words = format!("it had {} movements, and {head} are there", place.movements);
            report.add(Kind::CertificateDiffers, location, None, words);
        }
        compare_place(
            location,
            (place.leaf, &place.quantities),
            leaf.finish(),
            report,
        );
    }
}

fn compare_place(
    location: Location,
    (said_leaf, said): (Digest, &Quantities),
    (leaf, quantities): (Digest, Quantities),
    report: &mut Report,
) {
    if leaf == said_leaf && quantities == *said {
        return;
    }
    let states: BTreeSet<&String> = said.keys().chain(quantities.keys()).collect();
    let of = |quantities: &Quantities, state: &str| quantities.get(state).copied().unwrap_or(0);
    let different: Vec<String> = states
        .into_iter()
        .map(|state| (state, of(said, state), of(&quantities, state)))
        .filter(|(_, then, now)| then != now)
        .map(|(state, then, now)| format!("{state} was {then}, the movements give {now}"))
        .collect();
    let words = if different.is_empty() {
        "as many serials in each state as were certified, and other serials".to_owned()
    } else {
        different.join(", ")
    };
    report.add(Kind::CertificateDiffers, location, None, words);
}
