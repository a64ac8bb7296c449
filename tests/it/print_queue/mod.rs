//! The print queue through its terminals' eyes: who is queued, in which order, and what a printer may do. Here the short
//! ways of these stories; the stories stand in the files below.
//!
//! A lease's time is the database's. Where a test needs it to be over it says so to the database instead of waiting.
#![expect(
    clippy::disallowed_methods,
    reason = "test code does not use the query macros, so that the metadata holds src only"
)]

mod bad_input;
mod doubt;
mod explain;
mod frauds;
mod intervals;
mod leasing;
mod order;
mod printing;
mod release;
mod replay;
mod rules;
mod submission;

use ektp::proto::{
    self, ApplicantClass, ErrorReason, PrintRequestState, explain_position_request::Key,
    print_step_result, renew_lease_result, submit_print_request_result,
};

use crate::support::{
    office::{Client, Office, request_id},
    people::key,
};

/// An office with `count` leases at its first terminal, for blanks from 1.
async fn leased(office: &Office, count: u32) -> (Client, Vec<proto::Lease>) {
    office.queued("35.75", count as usize).await;
    office.stock("35.75", 1, i64::from(count)).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let leases = terminal.lease(count).await.leases;
    assert_eq!(leases.len(), count as usize);
    (terminal, leases)
}

/// What became of a word about a blank in doubt.
#[derive(Debug)]
enum Resolved {
    /// It counted: the request's state.
    Done(String),
    /// It waits for a second person.
    Asked(Box<proto::Approval>),
}

/// A reason without its prefix.
pub fn name(refusal: &proto::Refusal) -> String {
    let reason = ErrorReason::try_from(refusal.reason).expect("a known reason");
    reason
        .as_str_name()
        .trim_start_matches("ERROR_REASON_")
        .to_owned()
}

/// The entry or the refusal of one submission.
pub fn submitted(
    result: &proto::SubmitPrintRequestResult,
) -> Result<&proto::QueueEntry, &proto::Refusal> {
    match result
        .outcome
        .as_ref()
        .expect("every draft gets an outcome")
    {
        submit_print_request_result::Outcome::Queued(entry) => Ok(entry),
        submit_print_request_result::Outcome::Held(held) => {
            Ok(held.entry.as_ref().expect("a held one has its entry"))
        }
        submit_print_request_result::Outcome::Refused(refusal) => Err(refusal),
    }
}

/// What became of each submission, in a word.
pub fn fates(results: &[proto::SubmitPrintRequestResult]) -> Vec<String> {
    results
        .iter()
        .map(|r| submitted(r).map_or_else(name, fate))
        .collect()
}

/// The state of a taken one, of a held one the reasons.
fn fate(entry: &proto::QueueEntry) -> String {
    if entry.hold_reasons.is_empty() {
        return state(entry);
    }
    let reasons: Vec<String> = entry
        .hold_reasons()
        .map(|reason| {
            reason
                .as_str_name()
                .trim_start_matches("HOLD_REASON_")
                .to_owned()
        })
        .collect();
    reasons.join(",")
}

/// The entry or the refusal of one item of a printer's batch.
fn stepped(result: &proto::PrintStepResult) -> Result<&proto::QueueEntry, &proto::Refusal> {
    match result.outcome.as_ref().expect("every item gets an outcome") {
        print_step_result::Outcome::Entry(entry) => Ok(entry),
        print_step_result::Outcome::Refused(refusal) => Err(refusal),
    }
}

/// What became of each item, in a word: the state or the reason.
fn steps(results: &[proto::PrintStepResult]) -> Vec<String> {
    results
        .iter()
        .map(|r| stepped(r).map_or_else(name, state))
        .collect()
}

/// The state's name without its prefix.
fn state(entry: &proto::QueueEntry) -> String {
    let state = PrintRequestState::try_from(entry.state).expect("a known state");
    state
        .as_str_name()
        .trim_start_matches("PRINT_REQUEST_STATE_")
        .to_owned()
}

/// The entry of a lease.
pub fn entry(lease: &proto::Lease) -> &proto::QueueEntry {
    lease.entry.as_ref().expect("a lease has its entry")
}

fn lease_ids(leases: &[proto::Lease]) -> Vec<String> {
    leases
        .iter()
        .map(|lease| entry(lease).print_request_id.clone())
        .collect()
}

impl Client {
    /// Asks for cards of these classes.
    pub async fn ask(
        &mut self,
        drafts: &[(&str, ApplicantClass)],
        validate_only: bool,
    ) -> proto::SubmitPrintRequestsResponse {
        let drafts = drafts
            .iter()
            .map(|(resident_id, class)| proto::PrintRequestDraft {
                resident_id: (*resident_id).to_owned(),
                applicant_class: (*class).into(),
                documents: Vec::new(),
            });
        let request = proto::SubmitPrintRequestsRequest {
            request_id: request_id(),
            drafts: drafts.collect(),
            validate_only,
        };
        let answer = self.print_queue.submit_print_requests(request).await;
        answer.expect("the drafts are answered").into_inner()
    }

    /// All open requests, in the order of the queue.
    pub async fn queue(&mut self) -> Vec<proto::PrintRequest> {
        let request = proto::ListPrintRequestsRequest {
            page_size: 500,
            ..Default::default()
        };
        let answer = self.print_queue.list_print_requests(request).await;
        answer
            .expect("the list is answered")
            .into_inner()
            .print_requests
    }

    /// One request, with its place.
    async fn print_request(&mut self, id: &str) -> Result<proto::PrintRequest, tonic::Status> {
        let request = proto::GetPrintRequestRequest {
            print_request_id: id.to_owned(),
        };
        let answer = self.print_queue.get_print_request(request).await?;
        Ok(answer.into_inner().print_request.expect("the request"))
    }

    /// Where one request stands.
    async fn standing(&mut self, id: &str) -> String {
        let request = self.print_request(id).await.expect("the request is here");
        state(&request.entry.expect("a request has its entry"))
    }

    /// Says what became of a blank in doubt: the state of the request, or what waits for a second person.
    async fn resolve(
        &mut self,
        lease: &proto::Lease,
        serial: i64,
        kind: Option<proto::SpoilageKind>,
    ) -> Result<Resolved, tonic::Status> {
        let finding = match kind {
            Some(_) => proto::DoubtFinding::Spoiled,
            None => proto::DoubtFinding::Printed,
        };
        let request = proto::ResolveInDoubtRequest {
            request_id: request_id(),
            print_request_id: entry(lease).print_request_id.clone(),
            serial,
            finding: finding.into(),
            kind: kind.map_or(0, Into::into),
            purpose: kind.map_or_else(String::new, |_| "seen in the tray".to_owned()),
        };
        let answer = self.print_queue.resolve_in_doubt(request).await?;
        let outcome = answer
            .into_inner()
            .outcome
            .expect("every word gets an outcome");
        Ok(match outcome {
            proto::resolve_in_doubt_response::Outcome::Entry(entry) => {
                Resolved::Done(state(&entry))
            }
            proto::resolve_in_doubt_response::Outcome::Approval(asked) => {
                Resolved::Asked(Box::new(asked))
            }
        })
    }

    /// Asks for a second person's word about an incident.
    async fn resolve_incident(
        &mut self,
        incident_id: &str,
        finding: proto::IncidentFinding,
    ) -> Result<proto::Approval, tonic::Status> {
        let request = proto::ResolveIncidentRequest {
            request_id: request_id(),
            incident_id: incident_id.to_owned(),
            finding: finding.into(),
            purpose: "the tray was looked into".to_owned(),
        };
        let answer = self.print_queue.resolve_incident(request).await?;
        Ok(answer.into_inner().approval.expect("it waits"))
    }

    /// Takes requests back: what became of each, in a word.
    async fn withdraw(&mut self, ids: &[String]) -> Vec<String> {
        let request = proto::WithdrawPrintRequestsRequest {
            request_id: request_id(),
            print_request_ids: ids.to_vec(),
        };
        let answer = self.print_queue.withdraw_print_requests(request).await;
        steps(
            &answer
                .expect("the withdrawal is answered")
                .into_inner()
                .results,
        )
    }

    /// Why somebody waits: by the request, or by the person.
    pub async fn explain(
        &mut self,
        key: Key,
    ) -> Result<proto::ExplainPositionResponse, tonic::Status> {
        let request = proto::ExplainPositionRequest { key: Some(key) };
        let answer = self.print_queue.explain_position(request).await?;
        Ok(answer.into_inner())
    }

    /// Reports one spoiled blank.
    async fn spoil(&mut self, lease: &proto::Lease, serial: i64) -> proto::PrintStepResult {
        let blank = proto::SpoiledBlank {
            lease: Some(key(lease)),
            serial,
            kind: proto::SpoilageKind::PrintFailure.into(),
        };
        let request = proto::ReportSpoiledRequest {
            request_id: request_id(),
            blanks: vec![blank],
        };
        let answer = self.print_queue.report_spoiled(request).await;
        answer
            .expect("the report is answered")
            .into_inner()
            .results
            .swap_remove(0)
    }

    /// Gives leases back.
    async fn release(&mut self, leases: &[proto::Lease]) -> Vec<proto::PrintStepResult> {
        let leases = leases.iter().map(key).collect();
        let request = proto::ReleaseLeasesRequest {
            request_id: request_id(),
            leases,
        };
        let answer = self.print_queue.release_leases(request).await;
        answer
            .expect("the release is answered")
            .into_inner()
            .results
    }

    /// Renews one lease: its new end, or the reason.
    async fn renew(&mut self, lease: &proto::Lease) -> Result<prost_types::Timestamp, String> {
        let leases = vec![key(lease)];
        let request = proto::RenewLeasesRequest {
            request_id: request_id(),
            leases,
        };
        let answer = self.print_queue.renew_leases(request).await;
        let result = answer
            .expect("the renewal is answered")
            .into_inner()
            .results
            .swap_remove(0);
        match result.outcome.expect("every lease gets an outcome") {
            renew_lease_result::Outcome::LeaseExpireTime(end) => Ok(end),
            renew_lease_result::Outcome::Refused(refusal) => Err(name(&refusal)),
        }
    }

    /// What is printed under a lease.
    async fn face(&mut self, lease: &proto::Lease) -> Result<proto::CardFace, tonic::Status> {
        let request = proto::GetCardFaceRequest {
            lease: Some(key(lease)),
        };
        let answer = self.print_queue.get_card_face(request).await?;
        Ok(answer.into_inner().face.expect("the face"))
    }

    /// Why nothing is shown under a lease. What would be shown stays out of the output of a failing test.
    async fn no_face(&mut self, lease: &proto::Lease) -> tonic::Status {
        match self.face(lease).await {
            Ok(_) => panic!("a face was shown"),
            Err(status) => status,
        }
    }
}

impl Office {
    /// Puts a version in force in 35.75: the founding one, with changes to `policy_version` or `policy_class` where the
    /// version's number is `$1`.
    async fn rule(&self, version: i32, changes: &[&'static str]) {
        let founding = [
            "insert into policy_version (
                 version, area, valid_from, state, tie_break, closed_weekdays, holidays, source, proposed_at
             ) select $1, 3575, '2014-01-01', 'ACTIVE', tie_break, closed_weekdays, holidays, source, proposed_at
             from policy_version where version = 1",
            "insert into policy_class select $1, place, applicant_class, outcome, documents, enrolled_from, enrolled_to,
                 release_above_demand, release_after_days
             from policy_class where version = 1",
        ];
        let mut transaction = self.sql.begin().await.expect("the database answers");
        sqlx::query(
            "update policy_version set state = 'PROPOSED' where area = 3575 and version <> $1",
        )
        .bind(version)
        .execute(&mut *transaction)
        .await
        .expect("the table is there");
        for statement in founding.iter().chain(changes) {
            sqlx::query(*statement)
                .bind(version)
                .execute(&mut *transaction)
                .await
                .expect("the version fits");
        }
        transaction.commit().await.expect("the version fits");
    }

    /// Lets a lease's time be over.
    async fn let_run_out(&self, lease: &proto::Lease) {
        let id: uuid::Uuid = entry(lease).print_request_id.parse().expect("an id");
        sqlx::query(
            "update print_request set lease_expires_at = clock_timestamp() - interval '1 second'
             where print_request_id = $1",
        )
        .bind(id)
        .execute(&self.sql)
        .await
        .expect("the lease is there");
    }

    /// How many rows a table has.
    async fn rows(&self, table: &'static str) -> i64 {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(count)
            .fetch_one(&self.sql)
            .await
            .expect("the table is there")
    }
}
