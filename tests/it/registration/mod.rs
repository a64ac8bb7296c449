//! Registration through the generated client: recording, looking up, importing, the centre's check, certificates.

mod certificates;
mod checks;
mod import;
mod records;

use ektp::proto::{self, EnrolmentState, Refusal};
use tonic::{Code, Status};

use crate::support::office::Client;

/// The enrolment as its office sees it.
async fn enrolment(terminal: &mut Client, enrolment_id: &str) -> proto::Enrolment {
    look_up(terminal, by_id(enrolment_id))
        .await
        .expect("the office sees its enrolment")
}

async fn look_up(
    terminal: &mut Client,
    key: proto::get_enrolment_request::Key,
) -> Result<proto::Enrolment, Status> {
    let request = proto::GetEnrolmentRequest { key: Some(key) };
    let answer = terminal.registration.get_enrolment(request).await?;
    Ok(answer.into_inner().enrolment.expect("an enrolment"))
}

fn by_id(enrolment_id: &str) -> proto::get_enrolment_request::Key {
    proto::get_enrolment_request::Key::EnrolmentId(enrolment_id.to_owned())
}

fn by_nik(nik: &str) -> proto::get_enrolment_request::Key {
    proto::get_enrolment_request::Key::Nik(nik.to_owned())
}

/// All that a refused call tells, to be compared as a whole.
fn told(status: &Status) -> (Code, String, Vec<u8>) {
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}

/// The reason of a refused item.
fn why(refusal: &Refusal) -> &'static str {
    refusal
        .reason()
        .as_str_name()
        .trim_start_matches("ERROR_REASON_")
}

/// The state that a taken verdict led to, or the reason of its refusal.
fn led_to(result: &proto::VerdictResult) -> &'static str {
    match result.outcome.as_ref().expect("an outcome") {
        proto::verdict_result::Outcome::State(state) => EnrolmentState::try_from(*state)
            .expect("a known state")
            .as_str_name()
            .trim_start_matches("ENROLMENT_STATE_"),
        proto::verdict_result::Outcome::Refused(refusal) => why(refusal),
    }
}
