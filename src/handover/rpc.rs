//! The gRPC face of Handover: each method opens the call, parses, and hands the act to the desk or reads a page.

use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    error::Result as OurResult,
    feed::Hub,
    handover::{Cursor, steps, store, watch, wire},
    paging,
    proto::{self, handover_server::Handover},
    work::{Call, Counted, Desk},
};

/// The service.
#[derive(Clone)]
pub struct HandoverService {
    desk: Desk,
    hub: Hub,
}

impl HandoverService {
    /// The service over a desk and the streams of its server.
    pub fn new(desk: Desk, hub: Hub) -> Self {
        Self { desk, hub }
    }

    /// Where a page begins.
    fn after(&self, list: &str, token: &str) -> OurResult<Option<Cursor>> {
        let key = paging::key(self.desk.keys(), list, token)?;
        key.as_deref().map(wire::cursor).transpose()
    }
}

fn key(opened_at: time::OffsetDateTime, id: Uuid) -> String {
    wire::cursor_text(&Cursor { opened_at, id })
}

#[tonic::async_trait]
impl Handover for HandoverService {
    type WatchCollectionsStream = watch::CollectionsStream;

    async fn list_awaiting(
        &self,
        request: Request<proto::ListAwaitingRequest>,
    ) -> Result<Response<proto::ListAwaitingResponse>, Status> {
        let (call, message) = Call::open(request, "Handover/ListAwaiting")?;
        let scope = steps::scope(&call.caller)?;
        let subdistrict = wire::list_awaiting(&message)?;
        let list = format!("{} {scope:?} {subdistrict:?}", call.method);
        let after = self.after(&list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut rows = store::list_awaiting(read.db(), scope, subdistrict, after, size + 1).await?;
        let next_page_token = paging::cut(self.desk.keys(), &list, &mut rows, size, |row| {
            key(row.opened_at, row.collection_id.uuid())
        });
        Ok(Response::new(proto::ListAwaitingResponse {
            collections: rows.iter().map(wire::collection).collect(),
            next_page_token,
        }))
    }

    async fn start_handover(
        &self,
        request: Request<proto::StartHandoverRequest>,
    ) -> Result<Response<proto::StartHandoverResponse>, Status> {
        let (call, message) = Call::open(request, "Handover/StartHandover")?;
        let (request_id, collection_id) = wire::start_handover(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let started = steps::start(work, collection_id).await?;
                    Ok(wire::start_handover_response(&started))
                })
            })
            .await
    }

    async fn complete_handover(
        &self,
        request: Request<proto::CompleteHandoverRequest>,
    ) -> Result<Response<proto::CompleteHandoverResponse>, Status> {
        let (call, message) = Call::open(request, "Handover/CompleteHandover")?;
        let (request_id, answered) = wire::complete_handover(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let (receipt, repeated) = steps::complete(work, answered).await?;
                    Ok(wire::complete_handover_response(&receipt, repeated))
                })
            })
            .await
    }

    async fn list_contact_tasks(
        &self,
        request: Request<proto::ListContactTasksRequest>,
    ) -> Result<Response<proto::ListContactTasksResponse>, Status> {
        let (call, message) = Call::open(request, "Handover/ListContactTasks")?;
        let scope = steps::scope(&call.caller)?;
        let village = wire::list_contact_tasks(&message)?;
        let list = format!("{} {scope:?} {village:?}", call.method);
        let after = self.after(&list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut rows =
            store::list_contact_tasks(read.db(), scope, village, after, size + 1).await?;
        let next_page_token = paging::cut(self.desk.keys(), &list, &mut rows, size, |row| {
            key(row.opened_at, row.contact_task_id.uuid())
        });
        drop(read);
        let residents: Vec<_> = rows.iter().map(|row| row.resident_id).collect();
        self.desk.disclose(&call, residents, Counted::Yes).await?;
        let tasks = steps::open_tasks(self.desk.keys(), rows)?;
        Ok(Response::new(proto::ListContactTasksResponse {
            contact_tasks: tasks.iter().map(wire::contact_task).collect(),
            next_page_token,
        }))
    }

    async fn watch_collections(
        &self,
        request: Request<proto::WatchCollectionsRequest>,
    ) -> Result<Response<Self::WatchCollectionsStream>, Status> {
        let (call, message) = Call::open(request, "Handover/WatchCollections")?;
        Ok(Response::new(watch::watch(
            &self.desk, &self.hub, &call, message,
        )?))
    }
}
