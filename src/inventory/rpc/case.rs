//! The calls about cases: the list, and what is said of one.

use tonic::{Request, Response, Status};

use super::InventoryService;
use crate::{
    inventory::{steps, store, wire},
    paging, proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn cases(
        &self,
        request: Request<proto::ListStockCasesRequest>,
    ) -> Result<Response<proto::ListStockCasesResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListStockCases")?;
        let scope = call.caller.scope();
        let list = format!("{} {scope:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.as_deref().map(wire::case_cursor).transpose()?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut rows = store::list_cases(read.db(), scope, after, size + 1).await?;
        let next = paging::cut(
            self.desk.keys(),
            &list,
            &mut rows,
            size,
            wire::case_cursor_text,
        );
        Ok(Response::new(wire::list_stock_cases_response(&rows, next)))
    }

    pub(super) async fn settle(
        &self,
        request: Request<proto::SettleStockCaseRequest>,
    ) -> Result<Response<proto::SettleStockCaseResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/SettleStockCase")?;
        let (request_id, settlement, purpose) = wire::settle_stock_case(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::settle_case(work, settlement, purpose).await?;
                    Ok(wire::settle_stock_case_response(&asked))
                })
            })
            .await
    }
}
