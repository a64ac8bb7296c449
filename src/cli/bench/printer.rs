//! One printer: its connection, its officer's shift, and the three acts of a card.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};
use uuid::Uuid;

use crate::{
    cli::Failure,
    edge::SHIFT,
    proto::{self, print_queue_client::PrintQueueClient},
};

/// A printer at work.
#[derive(Clone)]
pub struct Printer {
    pub client: PrintQueueClient<Channel>,
    pub shift: AsciiMetadataValue,
    /// The next blank of the district's hopper.
    pub blanks: Arc<AtomicI64>,
    /// Its own number, so that no two chips are alike.
    pub district: i32,
}

impl Printer {
    /// Prints so many cards, so many together; answers how long each lease, binding and report took.
    pub async fn print(&mut self, cards: u32, batch: u32) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::new();
        let mut left = cards;
        while left > 0 {
            let count = left.min(batch);
            let leases = self.lease(count, &mut latencies).await?;
            let done = u32::try_from(leases.len()).expect("a batch is small");
            if done == 0 {
                return Err(Failure::Call("the queue ran out of people".to_owned()));
            }
            let keys: Vec<(Option<proto::LeaseKey>, i64)> = leases
                .into_iter()
                .map(|lease| (key(lease), self.blanks.fetch_add(1, Ordering::Relaxed)))
                .collect();
            self.bind(&keys, &mut latencies).await?;
            self.report(keys, &mut latencies).await?;
            left -= done;
        }
        Ok(latencies)
    }

    async fn lease(
        &mut self,
        count: u32,
        latencies: &mut Vec<Duration>,
    ) -> Result<Vec<proto::Lease>, Failure> {
        let request = self.request(proto::LeasePrintRequestsRequest {
            request_id: Uuid::new_v4().to_string(),
            count,
            location: String::new(),
        });
        let started = Instant::now();
        let answer = self
            .client
            .lease_print_requests(request)
            .await
            .map_err(refused)?;
        latencies.push(started.elapsed());
        Ok(answer.into_inner().leases)
    }

    async fn bind(
        &mut self,
        keys: &[(Option<proto::LeaseKey>, i64)],
        latencies: &mut Vec<Duration>,
    ) -> Result<(), Failure> {
        let district = self.district;
        let bindings = keys.iter().map(|(lease, serial)| proto::BlankBinding {
            lease: lease.clone(),
            serial: *serial,
            chip_uid: format!("{district:04X}{serial:010X}"),
        });
        let request = self.request(proto::BindBlanksRequest {
            request_id: Uuid::new_v4().to_string(),
            bindings: bindings.collect(),
        });
        let started = Instant::now();
        let answer = self.client.bind_blanks(request).await.map_err(refused)?;
        latencies.push(started.elapsed());
        all_done(&answer.into_inner().results)
    }

    async fn report(
        &mut self,
        keys: Vec<(Option<proto::LeaseKey>, i64)>,
        latencies: &mut Vec<Duration>,
    ) -> Result<(), Failure> {
        let cards = keys
            .into_iter()
            .map(|(lease, serial)| proto::PrintedCard { lease, serial });
        let request = self.request(proto::ReportPrintedRequest {
            request_id: Uuid::new_v4().to_string(),
            cards: cards.collect(),
        });
        let started = Instant::now();
        let answer = self.client.report_printed(request).await.map_err(refused)?;
        latencies.push(started.elapsed());
        all_done(&answer.into_inner().results)
    }

    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(SHIFT, self.shift.clone());
        request
    }
}

fn key(lease: proto::Lease) -> Option<proto::LeaseKey> {
    let entry = lease.entry?;
    Some(proto::LeaseKey {
        print_request_id: entry.print_request_id,
        fence: lease.fence,
    })
}

fn refused(status: tonic::Status) -> Failure {
    Failure::Call(format!("{:?}: {}", status.code(), status.message()))
}

fn all_done(results: &[proto::PrintStepResult]) -> Result<(), Failure> {
    let refusal = results.iter().find_map(|result| match &result.outcome {
        Some(proto::print_step_result::Outcome::Refused(refusal)) => Some(refusal),
        Some(proto::print_step_result::Outcome::Entry(_)) | None => None,
    });
    refusal.map_or(Ok(()), |refusal| {
        Err(Failure::Call(refusal.message.clone()))
    })
}
