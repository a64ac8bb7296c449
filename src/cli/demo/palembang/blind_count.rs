//! One store is counted while its printer prints: what moved meanwhile is neither missing nor too many.
//!
//! What is easily got wrong: the city's keeper counts what lies in the box and nothing else; what the books say is kept from
//! whoever counts until the count is handed in.

use tonic::Status;

use super::{plan::COUNTED, stores::pieces};
use crate::{
    cli::{
        Failure,
        client::{Line, request_id},
        demo::{
            hopper::Store,
            office::Office,
            print::{PrintRoom, Printed},
            staff::happened,
        },
    },
    proto::{
        CountResult, GetStockRequest, RecordFindingsRequest, StartCountRequest, SubmitCountRequest,
        inventory_client::InventoryClient,
    },
};

/// What came of it, by the system's answers.
pub struct Counted {
    /// Whether who counted saw what the books say.
    pub saw_books: bool,
    /// The lot that was printed meanwhile.
    pub printed: Printed,
    pub result: CountResult,
}

/// Counts one of the stores.
pub async fn run(
    office: &Office,
    room: &PrintRoom<'_>,
    stores: &[Store],
) -> Result<Counted, Failure> {
    let store = &stores[COUNTED];
    let request = StartCountRequest {
        request_id: request_id(),
        document_number: format!("SO/{}/2017/001", store.location),
        location: store.location.clone(),
    };
    let start = |mut client: InventoryClient<Line>, request| async move {
        client.start_count(request).await
    };
    let begun = office.stockkeeper.inventory(request, start).await?;
    let count_id = begun.count.unwrap_or_default().count_id;
    let saw_books = happened(look(office, &store.location).await, "COUNT_OPEN")?;
    let printed = room.lot_at(COUNTED).await?;

    let found = store.hopper.lying();
    let quantity = u64::try_from(pieces(&found)).expect("a box holds few blanks");
    let request = RecordFindingsRequest {
        request_id: request_id(),
        count_id: count_id.clone(),
        serials: found,
    };
    let record = |mut client: InventoryClient<Line>, request| async move {
        client.record_findings(request).await
    };
    office.stockkeeper.inventory(request, record).await?;
    let request = SubmitCountRequest {
        request_id: request_id(),
        count_id,
        document_number: format!("BA-SO/{}/2017/001", store.location),
        quantity: Some(quantity),
    };
    let submit = |mut client: InventoryClient<Line>, request| async move {
        client.submit_count(request).await
    };
    let ended = office.stockkeeper.inventory(request, submit).await?;
    let result = ended.count.and_then(|count| count.result);
    Ok(Counted {
        saw_books,
        printed,
        result: result
            .ok_or_else(|| Failure::Call("a count ended without its figures".to_owned()))?,
    })
}

async fn look(office: &Office, location: &str) -> Result<(), Status> {
    let request = GetStockRequest {
        location: location.to_owned(),
    };
    let call =
        |mut client: InventoryClient<Line>, request| async move { client.get_stock(request).await };
    office.stockkeeper.inventory(request, call).await.map(drop)
}
