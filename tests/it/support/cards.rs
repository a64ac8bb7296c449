//! Printed cards that await their holders, and the short ways of the counter: list, start, complete.

use std::time::Duration;

use ektp::proto;
use tokio::time::{Instant, interval};
use tonic::Status;

use super::{
    PATIENCE,
    office::{Client, Office, request_id},
};

/// Between two looks at what must come.
const ASK_EVERY: Duration = Duration::from_millis(50);

impl Office {
    /// Prints cards for new residents of a district, serials from 1; answers the collections, the longest waiting first.
    pub async fn printed(&self, district: &str, count: u32) -> Vec<proto::Collection> {
        self.stock(district, 1, i64::from(count)).await;
        self.queued(district, count as usize).await;
        let mut terminal = self.terminal(&format!("{district}/office/96")).await;
        let leases = terminal.lease(count).await.leases;
        terminal.bind(&leases, 1).await;
        terminal.report(&leases, 1).await;
        let awaiting = terminal.awaiting().await;
        assert_eq!(awaiting.len(), count as usize, "every card was printed");
        awaiting
    }

    /// Waits until the log of notices has so many lines, and answers them.
    pub async fn notices_sent(&self, count: usize) -> Vec<serde_json::Value> {
        let read = || std::fs::read_to_string(self.notices()).unwrap_or_default();
        until("the messages are in the log", async || {
            read().lines().count() >= count
        })
        .await;
        let parsed = |line: &str| serde_json::from_str(line).expect("a line is JSON");
        read().lines().map(parsed).collect()
    }
}

/// Asks again and again until it holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut turn = interval(ASK_EVERY);
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        turn.tick().await;
    }
}

impl Client {
    /// All cards that await their holders, as far as the terminal may see them.
    pub async fn awaiting(&mut self) -> Vec<proto::Collection> {
        let request = proto::ListAwaitingRequest {
            page_size: 500,
            ..Default::default()
        };
        self.handover
            .list_awaiting(request)
            .await
            .expect("the list is answered")
            .into_inner()
            .collections
    }

    /// All contact tasks, as far as the terminal may see them.
    pub async fn contact_tasks(&mut self, village: &str) -> Vec<proto::ContactTask> {
        let request = proto::ListContactTasksRequest {
            village: village.to_owned(),
            page_size: 500,
            ..Default::default()
        };
        self.handover
            .list_contact_tasks(request)
            .await
            .expect("the list is answered")
            .into_inner()
            .contact_tasks
    }

    /// Opens a challenge.
    pub async fn start_handover(
        &mut self,
        collection_id: &str,
    ) -> Result<proto::StartHandoverResponse, Status> {
        let request = proto::StartHandoverRequest {
            request_id: request_id(),
            collection_id: collection_id.to_owned(),
        };
        let answer = self.handover.start_handover(request).await?;
        Ok(answer.into_inner())
    }

    /// A challenge for a card that must lie there and be this terminal's to hand over.
    pub async fn challenge(&mut self, card: &proto::Collection) -> proto::StartHandoverResponse {
        self.start_handover(&card.collection_id)
            .await
            .expect("the card lies there")
    }

    /// Presents what a reader says under a challenge, as a new request.
    pub async fn complete_handover(
        &mut self,
        challenge: &proto::StartHandoverResponse,
        matched: bool,
    ) -> Result<proto::CompleteHandoverResponse, Status> {
        let request = completion(challenge, matched);
        let answer = self.handover.complete_handover(request).await?;
        Ok(answer.into_inner())
    }
}

/// A request to complete a handover, with a new id.
pub fn completion(
    challenge: &proto::StartHandoverResponse,
    matched: bool,
) -> proto::CompleteHandoverRequest {
    proto::CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: challenge.challenge_id.clone(),
        nonce: challenge.nonce.clone(),
        evidence: Some(proto::MatchEvidence {
            reader_id: "reader-1".to_owned(),
            matched,
            score: 870,
        }),
    }
}
