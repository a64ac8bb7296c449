//! What the service does about counts, units and lists of them: parse, hand the act to the desk, or read a page.

use std::str::FromStr;

use tonic::{Request, Response, Status};

use crate::{
    error::{Error, Result},
    inventory::{
        CountRefusal, Counting, InventoryService, Location, LocationStock, Refusal, Shipment,
        StockCount, decide, steps, store, wire,
    },
    paging, proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn start(
        &self,
        request: Request<proto::StartCountRequest>,
    ) -> Result<Response<proto::StartCountResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/StartCount")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, location, record) = wire::start_count(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let begun = steps::start_count(work, location, record).await?;
                    Ok(wire::start_count_response(&begun))
                })
            })
            .await
    }

    pub(super) async fn record(
        &self,
        request: Request<proto::RecordFindingsRequest>,
    ) -> Result<Response<proto::RecordFindingsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RecordFindings")?;
        let (request_id, count_id, found) = wire::record_findings(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let quantity = steps::record_findings(work, count_id, &found).await?;
                    Ok(wire::record_findings_response(quantity))
                })
            })
            .await
    }

    pub(super) async fn submit(
        &self,
        request: Request<proto::SubmitCountRequest>,
    ) -> Result<Response<proto::SubmitCountResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/SubmitCount")?;
        let (request_id, closing) = wire::submit_count(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let compared = steps::submit_count(work, closing).await?;
                    Ok(wire::submit_count_response(&compared))
                })
            })
            .await
    }

    pub(super) async fn cancel(
        &self,
        request: Request<proto::CancelCountRequest>,
    ) -> Result<Response<proto::CancelCountResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/CancelCount")?;
        let (request_id, count_id, record) = wire::cancel_count(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let cancelled = steps::cancel_count(work, count_id, &record).await?;
                    Ok(wire::cancel_count_response(&cancelled))
                })
            })
            .await
    }

    pub(super) async fn counts(
        &self,
        call: &Call,
        message: &proto::ListCountsRequest,
    ) -> Result<proto::ListCountsResponse> {
        let whose = (call.caller.ledger(), wire::list_counts(message)?);
        let list = format!("{} {whose:?}", call.method);
        let after = self.after(&list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(call).await?;
        let mut page = store::list_counts(read.db(), whose, after, size + 1).await?;
        let next = paging::cut(
            self.desk.keys(),
            &list,
            &mut page,
            size,
            |row: &StockCount| row.count_id.to_string(),
        );
        Ok(wire::list_counts_response(&page, next))
    }

    pub(super) async fn open_unit(
        &self,
        request: Request<proto::OpenLocationRequest>,
    ) -> Result<Response<proto::OpenLocationResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/OpenLocation")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, of, kind) = wire::open_location(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let unit = steps::open_location(work, of, kind).await?;
                    Ok(wire::open_location_response(unit))
                })
            })
            .await
    }

    pub(super) async fn locations(
        &self,
        call: &Call,
        message: &proto::ListLocationsRequest,
    ) -> Result<proto::ListLocationsResponse> {
        let office = call.caller.ledger();
        let list = format!("{} {office}", call.method);
        let after = self.after(&list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(call).await?;
        let mut page = store::list_locations(read.db(), office, after, size + 1).await?;
        let next = paging::cut(
            self.desk.keys(),
            &list,
            &mut page,
            size,
            |row: &LocationStock| row.location.number().to_string(),
        );
        let blind = |counting| is_blind(call, counting);
        let page: Vec<(LocationStock, bool)> = page
            .into_iter()
            .map(|row| {
                let is_blind = row.counting.is_some_and(blind);
                (row, is_blind)
            })
            .collect();
        Ok(wire::list_locations_response(&page, next))
    }

    pub(super) async fn shipments(
        &self,
        call: &Call,
        message: &proto::ListShipmentsRequest,
    ) -> Result<proto::ListShipmentsResponse> {
        let (direction, state) = wire::list_shipments(message)?;
        let listed = store::Listed {
            office: call.caller.ledger(),
            direction,
            state,
        };
        let list = format!("{} {listed:?}", call.method);
        let after = self.after(&list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(call).await?;
        let mut page = store::list_shipments(read.db(), listed, after, size + 1).await?;
        let next = paging::cut(
            self.desk.keys(),
            &list,
            &mut page,
            size,
            |row: &Shipment| row.shipment_id.to_string(),
        );
        Ok(wire::list_shipments_response(&page, next))
    }

    /// The key behind which a page begins.
    fn after<K: FromStr>(&self, list: &str, page_token: &str) -> Result<Option<K>> {
        let after = paging::key(self.desk.keys(), list, page_token)?;
        let after = after.map(|key| key.parse::<K>()).transpose();
        after.map_err(|_| Error::internal("a page token of our own does not parse"))
    }
}

/// Whether the figures of a place where somebody counts are kept from the caller.
fn is_blind(call: &Call, counting: Counting) -> bool {
    let looker = call
        .caller
        .officer
        .as_ref()
        .map(|officer| officer.person_id);
    decide::is_blind(counting, looker, call.caller.ledger())
}

/// Refuses to show the figures to who counts.
pub(super) fn may_see(call: &Call, counting: Option<Counting>) -> Result<()> {
    match counting {
        Some(counting) if is_blind(call, counting) => {
            Err(Refusal::Count(CountRefusal::Open(counting.count_id)).into())
        }
        Some(_) | None => Ok(()),
    }
}
