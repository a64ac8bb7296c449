//! Cases end: an officer of one of their two offices asks, an officer of the other one approves.
//!
//! What is easily got wrong: whose approval it takes follows from the case and from who asks, never from the request.

use crate::{
    approval::{self, Approval, Ask, Locked},
    error::{Error, Result},
    ids::{District, OfficerId, total},
    inventory::{
        CaseRefusal, Leg, OpenCase, Outcome, Papers, Settlement, decide,
        steps::{carry_out, papers, record, signature},
        store, wire,
    },
    work::Work,
};

/// What asks for an officer of the other office.
pub const SETTLE: &str = "Inventory/SettleStockCase";

/// Asks the case's other office to agree to what became of serials.
#[tracing::instrument(name = "step.settle_case", skip_all)]
pub async fn settle_case(
    work: &mut Work,
    settlement: Settlement,
    purpose: String,
) -> Result<Approval> {
    let own = work.caller().ledger();
    let (open, other, _) = decided(work, &settlement, own).await?;
    decide::may_act_at(open.case.location, work.caller().subdistrict())?;
    let ask = Ask {
        district: own,
        approving_office: Some(other),
        summary: format!(
            "{} serials of the case {} at {} are {}",
            total(&settlement.serials),
            settlement.case_id,
            open.case.location,
            settlement.outcome.name(),
        ),
        purpose,
    };
    let content = wire::settlement_content(&settlement);
    approval::ask(work, SETTLE, &content, ask).await
}

/// Lets the serials out of their case, if it still is as it was. Answers the settlement.
#[tracing::instrument(name = "step.settlement_approved", skip_all)]
pub async fn settlement_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let settlement = wire::settlement_of(&locked.content)?;
    let asker: (OfficerId, District) = (locked.approval.author, locked.approval.district);
    let approver = (signature(work)?.officer, work.caller().ledger());
    let (open, other, legs) = decided(work, &settlement, asker.1).await?;
    if other != approver.1 {
        return Err(Error::internal(
            "a case was to be settled by an office that it does not concern",
        ));
    }
    let papers = Papers {
        given_by: Some(asker.0),
        taken_by: Some(approver.0),
        shipment_id: open.case.shipment_id,
        ..papers(work, &settlement.document_number)?
    };
    if !legs.is_empty() {
        let movements = carry_out(work, &legs, papers).await?;
        record(work, &movements);
    }
    let settled = store::Settled {
        settlement: &settlement,
        approval_id: locked.approval.approval_id,
        returned_to: open
            .origin
            .filter(|_| settlement.outcome == Outcome::AtSender),
        asked_by: asker,
        approved_by: approver,
        settled_at: work.now(),
    };
    let number = store::insert_settlement(work.db(), &open.case, &settled).await?;
    work.touch("stock_case", settlement.case_id);
    Ok(format!("{}#{number}", settlement.case_id))
}

/// The case under lock, the office that must agree if this one asks, and what would move.
async fn decided(
    work: &mut Work,
    settlement: &Settlement,
    asker: District,
) -> Result<(OpenCase, District, Vec<Leg>)> {
    let found = store::lock_case(work.db(), settlement.case_id, asker).await?;
    let open = found.ok_or(CaseRefusal::CaseNotFound)?;
    let other = decide::other_office(&open.case, asker)?;
    let legs = decide::settle(&open, settlement)?;
    Ok((open, other, legs))
}
