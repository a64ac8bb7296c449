//! The people of the tests' stories, and the short ways that most tests take: enrol, find unique, certify, stock, queue.

use ektp::{
    cli::demo::people::{self, Person},
    ids::Sex,
    proto::{self, ApplicantClass, VerdictOutcome},
};
use time::macros::date;
use tokio_stream::StreamExt as _;

use super::office::{Client, Office, request_id};

/// People of a district, invented from a seed.
pub fn residents(district: &str, count: usize) -> Vec<Person> {
    people::people(7, district, count, date!(2017 - 04 - 18))
}

/// What a terminal sends for a person.
pub fn draft(person: &Person) -> proto::EnrolmentDraft {
    proto::EnrolmentDraft {
        resident: Some(proto::Resident {
            nik: person.nik.clone(),
            full_name: person.name.clone(),
            mother_name: person.mother_name.clone(),
            birth_place: person.birth_place.clone(),
            birth_date: person.birth_date.to_string(),
            sex: match person.sex {
                Sex::Female => proto::Sex::Female,
                Sex::Male => proto::Sex::Male,
            }
            .into(),
            village: person.village.clone(),
            address: person.address.clone(),
            neighbourhood: u32::from(person.rt),
            community: u32::from(person.rw),
            phone: person.phone.clone().unwrap_or_default(),
            religion: person.religion.to_owned(),
            marital_status: person.marital_status.to_owned(),
            occupation: person.occupation.to_owned(),
            blood_type: String::new(),
        }),
        biometric_package: format!("package-{}", &person.nik[10..]),
        captured_time: None,
    }
}

impl Client {
    /// Enrols a person; answers the enrolment's and the resident's id.
    pub async fn enrol(&mut self, person: &Person) -> (String, String) {
        let request = proto::RecordEnrolmentRequest {
            request_id: request_id(),
            enrolment: Some(draft(person)),
        };
        let answer = self
            .registration
            .record_enrolment(request)
            .await
            .expect("the person is recorded")
            .into_inner();
        (answer.enrolment_id, answer.resident_id)
    }

    /// Takes `count` checks as the matching engine does.
    pub async fn lease_checks(&mut self, count: u32) -> Vec<proto::CheckTask> {
        let wanted = tokio_stream::iter([proto::LeaseChecksRequest { wanted: count }])
            .chain(tokio_stream::pending());
        let mut stream = self
            .registration
            .lease_checks(wanted)
            .await
            .expect("the stream opens")
            .into_inner();
        let mut tasks = Vec::new();
        while tasks.len() < count as usize {
            let answer = tokio::time::timeout(super::PATIENCE, stream.next())
                .await
                .expect("checks are handed out in time")
                .expect("the stream goes on")
                .expect("no error");
            tasks.extend(answer.tasks);
        }
        tasks
    }

    /// Gives one verdict to checks.
    pub async fn decide(
        &mut self,
        tasks: &[proto::CheckTask],
        outcome: VerdictOutcome,
    ) -> Vec<proto::VerdictResult> {
        let verdicts = tasks
            .iter()
            .map(|task| proto::Verdict {
                enrolment_id: task.enrolment_id.clone(),
                fence: task.fence,
                outcome: outcome.into(),
            })
            .collect();
        let request = proto::RecordVerdictsRequest {
            request_id: request_id(),
            verdicts,
        };
        self.registration
            .record_verdicts(request)
            .await
            .expect("the verdicts are taken")
            .into_inner()
            .results
    }

    /// Issues interim certificates.
    pub async fn certify(&mut self, enrolment_ids: &[String]) {
        let request = proto::IssueInterimCertificatesRequest {
            request_id: request_id(),
            enrolment_ids: enrolment_ids.to_vec(),
        };
        self.registration
            .issue_interim_certificates(request)
            .await
            .expect("the certificates are issued");
    }

    /// Asks for first cards; answers a result for each.
    pub async fn submit(
        &mut self,
        resident_ids: &[String],
    ) -> Vec<proto::SubmitPrintRequestResult> {
        let drafts = resident_ids
            .iter()
            .map(|resident_id| proto::PrintRequestDraft {
                resident_id: resident_id.clone(),
                applicant_class: ApplicantClass::FirstIssue.into(),
                documents: Vec::new(),
            })
            .collect();
        let request = proto::SubmitPrintRequestsRequest {
            request_id: request_id(),
            drafts,
            validate_only: false,
        };
        self.print_queue
            .submit_print_requests(request)
            .await
            .expect("the requests are taken")
            .into_inner()
            .results
    }

    /// Leases up to `count` requests from the district's store.
    pub async fn lease(&mut self, count: u32) -> proto::LeasePrintRequestsResponse {
        let request = proto::LeasePrintRequestsRequest {
            request_id: request_id(),
            count,
            location: String::new(),
        };
        self.print_queue
            .lease_print_requests(request)
            .await
            .expect("the lease is answered")
            .into_inner()
    }

    /// Binds leases to consecutive serials.
    pub async fn bind(
        &mut self,
        leases: &[proto::Lease],
        first: i64,
    ) -> Vec<proto::PrintStepResult> {
        let bindings = leases
            .iter()
            .zip(first..)
            .map(|(lease, serial)| proto::BlankBinding {
                lease: Some(key(lease)),
                serial,
                chip_uid: format!("04{serial:012x}"),
            })
            .collect();
        let request = proto::BindBlanksRequest {
            request_id: request_id(),
            bindings,
        };
        self.print_queue
            .bind_blanks(request)
            .await
            .expect("the bindings are answered")
            .into_inner()
            .results
    }

    /// Reports cards with consecutive serials.
    pub async fn report(
        &mut self,
        leases: &[proto::Lease],
        first: i64,
    ) -> Vec<proto::PrintStepResult> {
        let cards = leases
            .iter()
            .zip(first..)
            .map(|(lease, serial)| proto::PrintedCard {
                lease: Some(key(lease)),
                serial,
            })
            .collect();
        let request = proto::ReportPrintedRequest {
            request_id: request_id(),
            cards,
        };
        self.print_queue
            .report_printed(request)
            .await
            .expect("the report is answered")
            .into_inner()
            .results
    }
}

/// How a later call names a lease.
pub fn key(lease: &proto::Lease) -> proto::LeaseKey {
    let entry = lease.entry.as_ref().expect("a lease has its entry");
    proto::LeaseKey {
        print_request_id: entry.print_request_id.clone(),
        fence: lease.fence,
    }
}

/// The centre's store sends blanks to a district, whose terminal receives them.
pub async fn deliver(
    store: &mut Client,
    terminal: &mut Client,
    district: &str,
    (first, last): (i64, i64),
) {
    let serials = vec![proto::SerialRange { first, last }];
    let delivery = proto::RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: format!("BA-{first}"),
        serials: serials.clone(),
    };
    store
        .inventory
        .register_delivery(delivery)
        .await
        .expect("the delivery is registered");
    let dispatch = proto::DispatchShipmentRequest {
        request_id: request_id(),
        destination: district.to_owned(),
        document_number: format!("SJ-{first}"),
        serials: serials.clone(),
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let shipment = store
        .inventory
        .dispatch_shipment(dispatch)
        .await
        .expect("the shipment is dispatched")
        .into_inner()
        .shipment
        .expect("a shipment");
    let receipt = proto::ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment.shipment_id,
        serials,
        document_number: format!("BAST-{first}"),
    };
    terminal
        .inventory
        .receive_shipment(receipt)
        .await
        .expect("the shipment is received");
}

impl Office {
    /// Brings blanks `first..=last` into a district's store, by the centre and a receipt.
    pub async fn stock(&self, district: &str, first: i64, last: i64) {
        let mut store = self.centre("store").await;
        let mut terminal = self.terminal(&format!("{district}/office/99")).await;
        deliver(&mut store, &mut terminal, district, (first, last)).await;
    }

    /// Print-ready residents of a district with interim certificates, in the order in which they were enrolled.
    pub async fn print_ready(&self, district: &str, count: usize) -> Vec<(Person, String)> {
        let people = residents(district, count);
        let mut terminal = self.terminal(&format!("{district}/office/98")).await;
        let mut matcher = self.centre("matcher").await;
        let (mut ready, mut enrolments) = (Vec::new(), Vec::new());
        for person in people {
            let (enrolment_id, resident_id) = terminal.enrol(&person).await;
            enrolments.push(enrolment_id);
            ready.push((person, resident_id));
        }
        for some in enrolments.chunks(100) {
            terminal.certify(some).await;
            let size = u32::try_from(some.len()).expect("at most a hundred");
            let tasks = matcher.lease_checks(size).await;
            matcher.decide(&tasks, VerdictOutcome::Unique).await;
        }
        ready
    }

    /// Print-ready residents whose requests stand in the queue; answers the ids of the requests in its order.
    pub async fn queued(&self, district: &str, count: usize) -> Vec<String> {
        let ready = self.print_ready(district, count).await;
        let mut terminal = self.terminal(&format!("{district}/office/97")).await;
        let mut ids = Vec::new();
        for some in ready.chunks(100) {
            let residents: Vec<String> = some.iter().map(|(_, id)| id.clone()).collect();
            for result in terminal.submit(&residents).await {
                match result.outcome {
                    Some(proto::submit_print_request_result::Outcome::Queued(entry)) => {
                        ids.push(entry.print_request_id);
                    }
                    other => panic!("not queued: {other:?}"),
                }
            }
        }
        ids
    }
}
