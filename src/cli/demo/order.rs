//! The order of a story's prints, proved by the office's auditor day by day.

use time::Date;

use super::{
    office::Office,
    progress::Phase,
    staff::Leaders,
    table::{Sheet, count},
};
use crate::{
    cli::{Failure, client::Line},
    proto::{VerifyDispatchOrderRequest, print_queue_client::PrintQueueClient},
};

/// What the replay of the days found.
#[derive(Debug, Default)]
pub struct Proof {
    days: usize,
    leased: usize,
    findings: usize,
}

/// Lets the auditor replay each of the days.
pub async fn prove(office: &Office, leaders: &Leaders, days: Vec<Date>) -> Result<Proof, Failure> {
    let phase = Phase::begin("the order, replayed", days.len());
    let mut proof = Proof::default();
    for day in days {
        let request = VerifyDispatchOrderRequest {
            district: office.place.district.to_owned(),
            day: day.to_string(),
        };
        let call = |mut client: PrintQueueClient<Line>, request| async move {
            client.verify_dispatch_order(request).await
        };
        let found = leaders.auditor.print_queue(request, call).await?;
        proof.days += 1;
        proof.leased += count(found.leased.into());
        proof.findings += count(found.findings_total.into());
        phase.advance(1);
    }
    phase.end(&format!(
        "{} leases on {} days, {} findings",
        proof.leased, proof.days, proof.findings
    ));
    Ok(proof)
}

/// The figures of the proof; a lease whose blank was spoiled is given again.
pub fn figures(proof: &Proof, cards: usize, sheet: &mut Sheet) {
    sheet.rule("order");
    sheet.number("leases that the auditor replayed", cards, proof.leased);
    sheet.number("jumps ahead that nothing explains", 0, proof.findings);
}
