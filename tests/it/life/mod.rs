//! What happens to persons after the enrolment, through the counter's eyes: a record is changed, somebody dies or moves,
//! and the queue, the papers and the cards follow.
//!
//! A person's life and versions are asked of the table where no answer shows them.

mod change;
mod event;
mod race;

use ektp::proto::{self, LifeEventKind, PrintRequestState, VerdictOutcome};
use sqlx::AssertSqlSafe;
use tonic::Status;

use crate::support::{
    office::{Client, Office, request_id},
    people::residents,
};

/// Where these people live.
const DISTRICT: &str = "35.75";

/// A request that sets some fields of a record.
fn change(
    resident_id: &str,
    paths: &[&str],
    resident: proto::Resident,
) -> proto::ChangeResidentRequest {
    proto::ChangeResidentRequest {
        request_id: request_id(),
        resident_id: resident_id.to_owned(),
        resident: Some(resident),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
    }
}

/// A request that tells of a death yesterday.
fn death(resident_id: &str) -> proto::RecordLifeEventRequest {
    proto::RecordLifeEventRequest {
        request_id: request_id(),
        resident_id: resident_id.to_owned(),
        kind: LifeEventKind::Death.into(),
        event_date: "2017-04-17".to_owned(),
        document_number: "3575-KM-0001".to_owned(),
        destination: String::new(),
    }
}

/// A request that tells of a removal yesterday.
fn removal(resident_id: &str) -> proto::RecordLifeEventRequest {
    proto::RecordLifeEventRequest {
        kind: LifeEventKind::MoveOut.into(),
        destination: "35.76".to_owned(),
        ..death(resident_id)
    }
}

impl Client {
    async fn change(
        &mut self,
        request: proto::ChangeResidentRequest,
    ) -> Result<proto::ChangeResidentResponse, Status> {
        let answer = self.registration.change_resident(request).await?;
        Ok(answer.into_inner())
    }

    async fn tell(
        &mut self,
        request: proto::RecordLifeEventRequest,
    ) -> Result<proto::RecordLifeEventResponse, Status> {
        let answer = self.registration.record_life_event(request).await?;
        Ok(answer.into_inner())
    }

    /// A request's state and the reasons for which it is held.
    async fn stands(&mut self, print_request_id: &str) -> (PrintRequestState, Vec<i32>) {
        let request = proto::GetPrintRequestRequest {
            print_request_id: print_request_id.to_owned(),
        };
        let answer = self.print_queue.get_print_request(request).await;
        let found = answer.expect("the request is here").into_inner();
        let entry = found.print_request.and_then(|p| p.entry).expect("an entry");
        (entry.state(), entry.hold_reasons.clone())
    }
}

impl Office {
    /// People whose requests stand in the queue, and the ids of the requests: both in the queue's order.
    async fn waiting(&self, count: usize) -> Vec<(String, String)> {
        let requests = self.queued(DISTRICT, count).await;
        let mut waiting = Vec::new();
        for request in requests {
            let of = format!(
                "select resident_id::text from print_request where print_request_id = '{request}'"
            );
            waiting.push((self.text(of).await, request));
        }
        waiting
    }

    /// One value as text.
    async fn text(&self, sql: String) -> String {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.sql)
            .await
            .expect("the value is there")
    }

    /// The versions of a person's identity and of what the card shows, and what became of the person.
    async fn versions(&self, resident_id: &str) -> String {
        let of = format!(
            "select concat_ws(' ', identity_version, facts_version, life) from resident where resident_id = '{resident_id}'"
        );
        self.text(of).await
    }
}
