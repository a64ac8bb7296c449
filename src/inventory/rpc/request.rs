//! The list of requests for blanks, page by page.

use crate::{
    error::Result,
    inventory::{InventoryService, store, wire},
    paging, proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn blank_requests(
        &self,
        call: &Call,
        message: &proto::ListBlankRequestsRequest,
    ) -> Result<proto::ListBlankRequestsResponse> {
        let state = wire::list_blank_requests(message)?;
        let scope = call.caller.scope();
        let list = format!("{} {scope:?} {state:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.as_deref().map(wire::cursor).transpose()?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(call).await?;
        let mut page = store::list_requests(read.db(), scope, state, after, size + 1).await?;
        let next = paging::cut(self.desk.keys(), &list, &mut page, size, wire::cursor_text);
        let ids: Vec<_> = page.iter().map(|asked| asked.blank_request_id).collect();
        let sent = store::sent_for(read.db(), &ids).await?;
        let of = |id| sent.get(&id).copied().unwrap_or_default();
        Ok(wire::list_blank_requests_response(&page, of, next))
    }
}
