//! Interim certificates: the feature down the hill has no face of its own, so its messages are made here.

use crate::{
    certificate::{self, CertificateState, InterimCertificate},
    error::{Error, ErrorReason, Result},
    ids::{EnrolmentId, RequestId},
    proto::{self, interim_certificate_result::Outcome},
    violations::Violations,
};

/// Certificates in one commit.
const CERTIFICATES_MAX: usize = 100;

/// Parses whose certificates are wanted.
pub fn issue_interim_certificates(
    message: &proto::IssueInterimCertificatesRequest,
) -> Result<(RequestId, Vec<EnrolmentId>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    violations.batch("enrolment_ids", &message.enrolment_ids, CERTIFICATES_MAX);
    // What is beyond the limit is not looked at.
    let within = message.enrolment_ids.iter().take(CERTIFICATES_MAX);
    let fields = || (0..).map(|at: usize| format!("enrolment_ids[{at}]"));
    violations.distinct(fields().zip(within.clone()));
    let ids: Vec<Option<EnrolmentId>> = fields()
        .zip(within)
        .map(|(field, id)| violations.parse(field, id))
        .collect();
    match (request_id, ids.into_iter().collect()) {
        (Some(request_id), Some(ids)) => violations.finish((request_id, ids)),
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// What became of each person's certificate.
pub fn issue_interim_certificates_response(
    results: Vec<(EnrolmentId, Result<InterimCertificate>)>,
) -> proto::IssueInterimCertificatesResponse {
    let result = |(id, outcome): (EnrolmentId, Result<InterimCertificate>)| {
        let outcome = match outcome {
            Ok(issued) => Outcome::Certificate(certificate(&issued)),
            Err(error) => Outcome::Refused(error.to_refusal()),
        };
        proto::InterimCertificateResult {
            enrolment_id: id.to_string(),
            outcome: Some(outcome),
        }
    };
    proto::IssueInterimCertificatesResponse {
        results: results.into_iter().map(result).collect(),
        // Filled when the ledger is closed.
        committed_revision: 0,
    }
}

/// A certificate as the contract carries it.
pub(super) fn certificate(certificate: &InterimCertificate) -> proto::InterimCertificate {
    let enrolment_state = format!("ENROLMENT_STATE_{}", certificate.enrolment_state);
    proto::InterimCertificate {
        certificate_id: certificate.certificate_id.to_string(),
        number: certificate.number.clone(),
        state: state(certificate.state).into(),
        issue_date: certificate.issued_on.to_string(),
        expire_date: certificate.expires_on.to_string(),
        // Printed once; a name that a later release no longer has is answered as unspecified.
        enrolment_state: proto::EnrolmentState::from_str_name(&enrolment_state)
            .unwrap_or_default()
            .into(),
    }
}

fn state(state: CertificateState) -> proto::InterimCertificateState {
    match state {
        CertificateState::Active => proto::InterimCertificateState::Active,
        CertificateState::Renewed => proto::InterimCertificateState::Renewed,
        CertificateState::Surrendered => proto::InterimCertificateState::Surrendered,
        CertificateState::Revoked => proto::InterimCertificateState::Revoked,
    }
}

impl From<certificate::Refusal> for Error {
    fn from(refusal: certificate::Refusal) -> Self {
        match refusal {
            certificate::Refusal::StillValid { expires_on } => {
                let message = "the person holds a valid interim certificate";
                Self::refused(ErrorReason::InterimCertificateStillValid, message)
                    .with("expire_date", expires_on)
            }
        }
    }
}
