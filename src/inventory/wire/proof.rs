//! Proof's requests and answers.
//!
//! What is easily got wrong: the file is the proof; the fields beside it are for those who want the sums without reading it.

use crate::{
    caller::Caller,
    error::{Error, ErrorReason, Result},
    hex,
    inventory::{
        Refusal,
        proof::{Area, Certificate, NotConserved},
    },
    proto,
    violations::Violations,
    wire::timestamp,
};

/// Parses what is to be certified; empty is all that the caller may see. Another district's looks like none.
pub fn certify_conservation(
    message: &proto::CertifyConservationRequest,
    caller: &Caller,
) -> Result<Area> {
    let mut violations = Violations::new();
    let asked = violations.parse_optional::<Area>("scope", &message.scope);
    let asked = violations.finish(asked)?;
    match caller.scope() {
        None => Ok(asked.unwrap_or(Area::Nation)),
        Some(own) => match asked.unwrap_or(Area::District(own)) {
            Area::District(district) if district == own => Ok(Area::District(own)),
            Area::Nation | Area::Province(_) | Area::District(_) => {
                Err(Refusal::LocationNotFound.into())
            }
        },
    }
}

/// The certificate, and its file.
pub fn certify_conservation_response(
    certificate: &Certificate,
    file: String,
) -> proto::CertifyConservationResponse {
    let totals = certificate.total().into_iter();
    proto::CertifyConservationResponse {
        file,
        scope: certificate.area.to_string(),
        certify_time: Some(timestamp(certificate.made_at)),
        registered: certificate.registered.unsigned_abs(),
        totals: totals
            .map(|(state, quantity)| proto::StateQuantity {
                state: state_of(&state).into(),
                quantity: quantity.unsigned_abs(),
            })
            .collect(),
        root: hex::encode(&certificate.root()),
    }
}

fn state_of(name: &str) -> proto::CustodyState {
    proto::CustodyState::from_str_name(&format!("CUSTODY_STATE_{name}")).unwrap_or_default()
}

/// The key that signs.
pub fn certification_key_response(key: &[u8]) -> proto::GetCertificationKeyResponse {
    proto::GetCertificationKeyResponse {
        public_key: hex::encode(key),
    }
}

impl From<NotConserved> for Error {
    fn from(NotConserved(places): NotConserved) -> Self {
        let message = "the books there do not balance, so nothing is certified; the operator audits the stock";
        Self::refused(ErrorReason::NotConserved, message).with("locations", places.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Principal;

    fn asked(scope: &str, caller: &str) -> Result<String> {
        let principal: Principal = caller.parse().expect("an identity");
        let request = proto::CertifyConservationRequest {
            scope: scope.to_owned(),
        };
        certify_conservation(&request, &principal.into()).map(|area| area.to_string())
    }

    #[test]
    fn an_office_certifies_itself_and_the_centre_everything() {
        let terminal = "ektp://district/35.75/site/office/terminal/1";
        for scope in ["", "35.75"] {
            assert_eq!(asked(scope, terminal), Ok("35.75".to_owned()));
        }
        for scope in ["nation", "35", "35.14", "99.99"] {
            let refused = asked(scope, terminal).expect_err(scope);
            assert_eq!(refused, Refusal::LocationNotFound.into());
        }
        assert!(asked("35.75.02", terminal).is_err());
        for (scope, area) in [("", "nation"), ("35", "35"), ("35.14", "35.14")] {
            assert_eq!(asked(scope, "ektp://centre/policy"), Ok(area.to_owned()));
        }
    }

    #[test]
    fn a_refusal_names_the_places() {
        let error = Error::from(NotConserved(vec!["35.75".to_owned(), "nation".to_owned()]));
        assert_eq!(error.to_refusal().metadata["locations"], "35.75,nation");
    }
}
