//! The queue as WatchQueue tells it: every open print request, by its id.
//!
//! What is easily got wrong: a request that is printed or cancelled comes once more with that state and is then gone.

use std::collections::HashMap;

use tonic::{Response, Status, Streaming};

use crate::{
    cli::{client::Terminal, follow::Watched},
    proto::{PrintRequestState, QueueEntry, WatchQueueRequest, WatchQueueResponse},
    stream::{Response as _, Said},
};

/// The open requests.
#[derive(Debug, Default)]
pub struct Queue(HashMap<String, QueueEntry>);

impl Queue {
    /// The open requests, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &QueueEntry> {
        self.0.values()
    }
}

impl Watched for Queue {
    type Entry = QueueEntry;
    type Response = WatchQueueResponse;

    async fn watch(
        terminal: &Terminal,
        district: String,
        resume_token: Vec<u8>,
    ) -> Result<Response<Streaming<WatchQueueResponse>>, Status> {
        let request = WatchQueueRequest {
            district,
            resume_token,
        };
        terminal.print_queue_client().watch_queue(request).await
    }

    fn said(response: WatchQueueResponse) -> Option<Said<QueueEntry>> {
        response.said()
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn take(&mut self, entry: &QueueEntry) {
        if matches!(
            entry.state(),
            PrintRequestState::Printed | PrintRequestState::Cancelled
        ) {
            self.0.remove(&entry.print_request_id);
        } else {
            self.0.insert(entry.print_request_id.clone(), entry.clone());
        }
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_request_leaves_the_queue() {
        let mut queue = Queue::default();
        let entry = |id: &str, state: PrintRequestState| QueueEntry {
            print_request_id: id.to_owned(),
            state: state.into(),
            ..QueueEntry::default()
        };
        queue.take(&entry("a", PrintRequestState::Queued));
        queue.take(&entry("b", PrintRequestState::Queued));
        queue.take(&entry("a", PrintRequestState::Leased));
        assert_eq!(queue.len(), 2);
        queue.take(&entry("a", PrintRequestState::Printed));
        queue.take(&entry("c", PrintRequestState::Cancelled));
        let open: Vec<&str> = queue
            .entries()
            .map(|entry| entry.print_request_id.as_str())
            .collect();
        assert_eq!(open, ["b"]);
    }
}
