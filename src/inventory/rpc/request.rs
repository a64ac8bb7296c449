//! Requests for blanks: asked, decided, withdrawn, and listed page by page.

use tonic::{Request, Response, Status};

use crate::{
    areas::TimeZone,
    error::Result,
    inventory::{InventoryService, steps, store, wire},
    paging, proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn ask(
        &self,
        request: Request<proto::RequestBlanksRequest>,
    ) -> Result<Response<proto::RequestBlanksResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RequestBlanks")?;
        let (request_id, quantity, route) = wire::request_blanks(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::request_blanks(work, quantity, route).await?;
                    Ok(wire::request_blanks_response(&asked))
                })
            })
            .await
    }

    pub(super) async fn decide(
        &self,
        request: Request<proto::DecideBlankRequestRequest>,
    ) -> Result<Response<proto::DecideBlankRequestResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/DecideBlankRequest")?;
        let today = TimeZone::of(call.caller.ledger()).local_date(self.desk.now());
        let (request_id, id, decision) = wire::decide_blank_request(&message, today)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let decided = steps::decide_request(work, id, decision).await?;
                    Ok(wire::decide_blank_request_response(&decided))
                })
            })
            .await
    }

    pub(super) async fn withdraw(
        &self,
        request: Request<proto::WithdrawBlankRequestRequest>,
    ) -> Result<Response<proto::WithdrawBlankRequestResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/WithdrawBlankRequest")?;
        let (request_id, id) = wire::withdraw_blank_request(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let withdrawn = steps::withdraw_request(work, id).await?;
                    Ok(wire::withdraw_blank_request_response(&withdrawn))
                })
            })
            .await
    }

    pub(super) async fn blank_requests(
        &self,
        request: Request<proto::ListBlankRequestsRequest>,
    ) -> Result<Response<proto::ListBlankRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListBlankRequests")?;
        let state = wire::list_blank_requests(&message)?;
        let scope = call.caller.scope();
        let list = format!("{} {scope:?} {state:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.as_deref().map(wire::cursor).transpose()?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut page = store::list_requests(read.db(), scope, state, after, size + 1).await?;
        let next = paging::cut(self.desk.keys(), &list, &mut page, size, wire::cursor_text);
        let ids: Vec<_> = page.iter().map(|asked| asked.blank_request_id).collect();
        let sent = store::sent_for(read.db(), &ids).await?;
        let of = |id| sent.get(&id).copied().unwrap_or_default();
        Ok(Response::new(wire::list_blank_requests_response(
            &page, of, next,
        )))
    }
}
