//! The calls about the ledger itself: its list, and what is taken back in it.

use tonic::{Request, Response, Status};

use super::InventoryService;
use crate::{
    error::{Error, Result as Outcome},
    inventory::{
        Blank, CustodyState, Location, Movement, MovementKind, Refusal, steps, store, wire,
    },
    paging, proto,
    work::{Call, Read},
};

impl InventoryService {
    pub(super) async fn movements(
        &self,
        request: Request<proto::ListMovementsRequest>,
    ) -> Result<Response<proto::ListMovementsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListMovements")?;
        let own = Location::of_district(call.caller.ledger());
        let (at, kind) = wire::list_movements(&message, own)?;
        let list = format!("{} {at} {kind:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.map(|key| key.parse::<i64>()).transpose();
        let after = after.map_err(|_| Error::internal("a page token of our own does not parse"))?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let is_own = call.caller.scope().is_none_or(|own| at.district() == own);
        if !is_own || !store::is_location(read.db(), at).await? {
            return Err(Error::from(Refusal::LocationNotFound).into());
        }
        let after = after.unwrap_or(0);
        let mut rows = store::movements_of(read.db(), at, after, kind, size + 1).await?;
        let next = paging::cut(self.desk.keys(), &list, &mut rows, size, |moved| {
            moved.number.to_string()
        });
        Ok(Response::new(wire::list_movements_response(&rows, next)))
    }

    pub(super) async fn reverse(
        &self,
        request: Request<proto::ReverseMovementRequest>,
    ) -> Result<Response<proto::ReverseMovementResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ReverseMovement")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, reversal, purpose) = wire::reverse_movement(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::reverse_movement(work, reversal, purpose).await?;
                    Ok(wire::reverse_movement_response(&asked))
                })
            })
            .await
    }
}

/// A blank with how it was spoiled: its card says what the printer said, the ledger what the store said.
pub(super) async fn with_spoilage(
    read: &mut Read,
    blank: Blank,
    movements: &[Movement],
) -> Outcome<Blank> {
    let is_spoiled = matches!(
        blank.account.state,
        CustodyState::Spoiled | CustodyState::Destroyed
    );
    let last = movements
        .iter()
        .rfind(|moved| moved.kind == MovementKind::Spoiled);
    match last {
        Some(moved) if is_spoiled && blank.spoilage.is_none() => Ok(Blank {
            spoilage: store::find_spoilage(read.db(), moved.name()).await?,
            ..blank
        }),
        Some(_) | None => Ok(blank),
    }
}
