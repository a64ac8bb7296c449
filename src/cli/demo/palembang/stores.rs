//! From the city's store to its eighteen subdistricts: the shares that are proposed, the one distribution, eighteen receipts
//! by others, and the three pieces that one box lacks.
//!
//! What is easily got wrong: a proposal moves nothing. It is shown, and then a person sends quantities of their own, which must
//! sum to what they say.

use tonic::{Code, Status};

use super::plan::{
    BLANKS, FORGOTTEN, MISSING, SECOND_PRINT_DAY, SETTLING_DAY, SHARING_DAY, SHORT_BOX,
    SUBDISTRICTS,
};
use crate::{
    cli::{
        Failure,
        client::{self, Line, Terminal, request_id},
        demo::{
            hopper::Store,
            office::Office,
            place::at,
            progress::Phase,
            staff::{self, Leaders, happened},
        },
    },
    proto::{
        ApprovalState, DistributeBlanksRequest, DistributionItem, ListStockCasesRequest,
        ProposeDistributionRequest, ProposeDistributionResponse, ReceiveShipmentRequest,
        SerialRange, SettleStockCaseRequest, SettlementOutcome, Shipment, StockCase, StockCaseKind,
        inventory_client::InventoryClient,
    },
};

/// What happened, by the system's answers.
pub struct Shared {
    pub proposed: ProposeDistributionResponse,
    /// Whether equal shares, which leave two pieces, were sent.
    pub equal_sent: bool,
    /// What each subdistrict was sent, and what it received.
    pub sent: Vec<Shipment>,
    pub received: Vec<Shipment>,
    /// Whether who sent could receive as well.
    pub sender_received: bool,
    /// The case of the short box.
    pub case: StockCase,
}

/// How the case ended.
pub struct Settled {
    /// Whether the city alone could settle it.
    pub alone: bool,
    /// Settlements that officers of two offices signed.
    pub by_two: usize,
    pub case: StockCase,
}

/// Proposes, distributes, and lets every subdistrict receive; answers the filled boxes, too.
pub async fn run(office: &Office) -> Result<(Shared, Vec<Store>), Failure> {
    let phase = Phase::begin("distribution", SUBDISTRICTS);
    office.clock.set(at(SHARING_DAY, 9, 0));
    let proposed = propose(office).await?;
    let share = u64::from(BLANKS) / u64::try_from(SUBDISTRICTS).expect("a small number");
    let stores = office.place.subdistricts.iter();
    let equal = stores.map(|store| ((*store).to_owned(), share)).collect();
    let equal_sent = is_sent(distribute(office, equal).await)?;
    let shares = proposed.shares.iter();
    let shares = shares.map(|share| (share.destination.clone(), share.quantity));
    let sent = distribute(office, shares.collect()).await?;

    office.clock.set(at(SECOND_PRINT_DAY, 7, 30));
    let sender_received = match sent.first() {
        Some(first) => {
            let received = receive(&office.stockkeeper, first, first.serials.clone()).await;
            happened(received, "SAME_PERSON")?
        }
        None => true,
    };
    let mut received = Vec::with_capacity(sent.len());
    let mut filled = Vec::with_capacity(sent.len());
    for (place, (shipment, keeper)) in sent.iter().zip(&office.printers).enumerate() {
        let found = match place {
            SHORT_BOX => without_the_last(&shipment.serials),
            _ => shipment.serials.clone(),
        };
        received.push(receive(keeper, shipment, found.clone()).await?);
        filled.push(Store::filled(&shipment.destination, &found));
        phase.advance(1);
    }
    let case = case(office).await?;
    phase.end(&format!(
        "{} shipments, {} pieces missing in one",
        received.len(),
        pieces(&case.serials)
    ));
    let shared = Shared {
        proposed,
        equal_sent,
        sent,
        received,
        sender_received,
        case,
    };
    Ok((shared, filled))
}

/// Two of the pieces never left the city's store, and the third one is lost: the city says so, and the centre agrees.
pub async fn settle(
    office: &Office,
    leaders: &Leaders,
    case: &StockCase,
) -> Result<Settled, Failure> {
    office.clock.set(at(SETTLING_DAY, 10, 0));
    let centre = leaders.centre.first();
    let centre = centre.ok_or_else(|| Failure::Call("nobody is at the centre".to_owned()))?;
    let missing: Vec<i64> = case
        .open_serials
        .iter()
        .flat_map(|run| run.first..=run.last)
        .collect();
    let (forgotten, lost) = missing.split_at(FORGOTTEN.min(missing.len()));
    let (mut alone, mut by_two) = (false, 0);
    for (serials, outcome) in [
        (forgotten, SettlementOutcome::AtSender),
        (lost, SettlementOutcome::Lost),
    ] {
        let serials = serials.iter().copied();
        let request = SettleStockCaseRequest {
            request_id: request_id(),
            case_id: case.case_id.clone(),
            serials: serials
                .map(|serial| SerialRange {
                    first: serial,
                    last: serial,
                })
                .collect(),
            outcome: outcome.into(),
            document_number: format!("BA/{}/2017/023", office.place.district),
            purpose: "the boxes were opened and the city's store was searched".to_owned(),
        };
        let call = |mut client: InventoryClient<Line>, request| async move {
            client.settle_stock_case(request).await
        };
        let pending = office.stockkeeper.inventory(request, call).await?;
        let pending = pending.approval.unwrap_or_default();
        alone |= happened(
            staff::approve(&leaders.auditor, &pending).await,
            "APPROVAL_NOT_FOUND",
        )?;
        let done = staff::approve(centre, &pending).await?;
        let done = done.approval.unwrap_or_default();
        let others = !done.approving_office.is_empty() && done.approving_office != done.district;
        by_two += usize::from(done.state() == ApprovalState::Done && others);
    }
    Ok(Settled {
        alone,
        by_two,
        case: self::case(office).await?,
    })
}

/// How many serials there are in runs.
pub fn pieces(serials: &[SerialRange]) -> usize {
    let counts = serials.iter().map(|run| run.last - run.first + 1);
    usize::try_from(counts.sum::<i64>()).unwrap_or(usize::MAX)
}

async fn propose(office: &Office) -> Result<ProposeDistributionResponse, Failure> {
    let request = ProposeDistributionRequest {
        total_quantity: BLANKS.into(),
        destinations: Vec::new(),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.propose_distribution(request).await
    };
    Ok(office.stockkeeper.inventory(request, call).await?)
}

async fn distribute(office: &Office, shares: Vec<(String, u64)>) -> Result<Vec<Shipment>, Status> {
    let items = shares.into_iter();
    let request = DistributeBlanksRequest {
        request_id: request_id(),
        total_quantity: BLANKS.into(),
        items: items
            .map(|(destination, quantity)| DistributionItem {
                destination,
                quantity,
                document_number: String::new(),
            })
            .collect(),
        document_number: format!("SJ/{}/2017/017", office.place.district),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.distribute_blanks(request).await
    };
    Ok(office.stockkeeper.inventory(request, call).await?.shipments)
}

/// Whether shares were sent that do not sum to what they are said to; no other refusal is meant.
fn is_sent<T>(answer: Result<T, Status>) -> Result<bool, Failure> {
    match answer {
        Ok(_) => Ok(true),
        Err(status)
            if status.code() == Code::InvalidArgument
                && client::in_words(&status).contains("total_quantity") =>
        {
            Ok(false)
        }
        Err(status) => Err(status.into()),
    }
}

async fn receive(
    keeper: &Terminal,
    shipment: &Shipment,
    found: Vec<SerialRange>,
) -> Result<Shipment, Status> {
    let request = ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment.shipment_id.clone(),
        serials: found,
        document_number: format!("BAST/{}/2017/018", shipment.destination),
    };
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.receive_shipment(request).await
    };
    let answer = keeper.inventory(request, call).await?;
    Ok(answer.shipment.unwrap_or_default())
}

/// What lies in a box from which the last pieces were taken; every box holds more than those.
fn without_the_last(serials: &[SerialRange]) -> Vec<SerialRange> {
    let mut left = serials.to_vec();
    if let Some(run) = left.last_mut() {
        run.last -= i64::try_from(MISSING).expect("a small number");
    }
    left
}

/// The city's case about what was missing at a receipt; there is one.
async fn case(office: &Office) -> Result<StockCase, Failure> {
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.list_stock_cases(request).await
    };
    let page = office
        .stockkeeper
        .inventory(ListStockCasesRequest::default(), call)
        .await?;
    let is_missing = |case: &StockCase| case.kind() == StockCaseKind::MissingAtReceipt;
    let case = page.cases.into_iter().find(is_missing);
    case.ok_or_else(|| Failure::Call("pieces were missing and no case was opened".to_owned()))
}
