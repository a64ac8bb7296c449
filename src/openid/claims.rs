//! What a token must say, pure: who issued it for whom, for how long, and for which certificate.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::Because;
use crate::caller::Certificate;

/// How far the provider's clock may be before ours.
const LEEWAY: Duration = Duration::seconds(30);
/// No token is good for longer, whatever it says.
const LIFE_MAX: Duration = Duration::minutes(15);
/// The longest subject.
const SUBJECT_MAX: usize = 128;

/// Whom a provider's tokens name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub issuer: String,
    pub audience: String,
}

/// What is read of a token.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
    sub: Option<String>,
    cnf: Option<Confirmation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: Option<String>,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whom the provider means.
    pub subject: String,
    /// Until when.
    pub ends_at: OffsetDateTime,
}

/// Judges a token whose signature is good.
pub(super) fn judge(
    claims: Claims,
    expected: &Expected,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<Verified, Because> {
    if claims.iss.as_ref() != Some(&expected.issuer) {
        return Err(Because::Issuer);
    }
    let for_us = match &claims.aud {
        Some(Audience::One(one)) => *one == expected.audience,
        Some(Audience::Many(many)) => many.contains(&expected.audience),
        None => false,
    };
    if !for_us {
        return Err(Because::Audience);
    }
    let time =
        |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Because::Malformed);
    let ends_at = time(claims.exp.ok_or(Because::Malformed)?)?;
    let issued_at = time(claims.iat.ok_or(Because::Malformed)?)?;
    let begins_at = claims.nbf.map_or(Ok(issued_at), time)?;
    // No leeway here: a shift that is over when it opens would only close the one elsewhere.
    if ends_at <= now {
        return Err(Because::Expired);
    }
    if begins_at.max(issued_at) > now + LEEWAY {
        return Err(Because::NotYetValid);
    }
    if ends_at <= issued_at {
        return Err(Because::Malformed);
    }
    if ends_at - issued_at > LIFE_MAX {
        return Err(Because::TooLong);
    }
    let bound = claims
        .cnf
        .and_then(|cnf| cnf.thumbprint)
        .ok_or(Because::NotBound)?;
    if bound != BASE64_URL_SAFE_NO_PAD.encode(certificate.thumbprint) {
        return Err(Because::OtherCertificate);
    }
    let fits = |subject: &String| (1..=SUBJECT_MAX).contains(&subject.chars().count());
    let subject = claims.sub.filter(fits).ok_or(Because::Malformed)?;
    Ok(Verified { subject, ends_at })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2017-04-18 01:00 UTC);

    fn certificate() -> Certificate {
        Certificate {
            thumbprint: [7; 32],
            begins_at: NOW - Duration::DAY,
            ends_at: NOW + Duration::DAY,
        }
    }

    fn judged(change: impl FnOnce(&mut Value)) -> Result<Verified, Because> {
        let now = NOW.unix_timestamp();
        let mut claims = json!({
            "iss": "https://id.example", "aud": ["ektp"], "sub": "ani", "iat": now, "nbf": now, "exp": now + 900,
            "cnf": { "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode([7; 32]) },
        });
        change(&mut claims);
        let expected = Expected {
            issuer: "https://id.example".to_owned(),
            audience: "ektp".to_owned(),
        };
        let claims = serde_json::from_value(claims).expect("claims");
        judge(claims, &expected, &certificate(), NOW)
    }

    #[test]
    fn a_token_is_good_for_a_quarter_hour_on_its_own_certificate() {
        let good = judged(|_| ()).expect("a good token");
        assert_eq!(
            (good.subject.as_str(), good.ends_at),
            ("ani", NOW + LIFE_MAX)
        );
        assert!(judged(|claims| claims["aud"] = json!("ektp")).is_ok());
        assert!(judged(|claims| claims["nbf"] = Value::Null).is_ok());
    }

    #[test]
    fn every_claim_has_its_own_refusal() {
        let now = NOW.unix_timestamp();
        let other = BASE64_URL_SAFE_NO_PAD.encode([8; 32]);
        let five_minutes = 300;
        for (claim, value, because) in [
            ("iss", json!("https://id.example/"), Because::Issuer),
            ("iss", Value::Null, Because::Issuer),
            ("aud", json!("other"), Because::Audience),
            ("aud", json!([]), Because::Audience),
            ("exp", json!(now - 30), Because::Expired),
            ("exp", Value::Null, Because::Malformed),
            ("iat", json!(now + 31), Because::NotYetValid),
            ("iat", json!(now + five_minutes), Because::NotYetValid),
            ("iat", Value::Null, Because::Malformed),
            ("nbf", json!(now + 31), Because::NotYetValid),
            ("exp", json!(now + 901), Because::TooLong),
            ("iat", json!(now - 1), Because::TooLong),
            ("cnf", Value::Null, Because::NotBound),
            ("cnf", json!({}), Because::NotBound),
            (
                "cnf",
                json!({ "x5t#S256": other }),
                Because::OtherCertificate,
            ),
            ("sub", Value::Null, Because::Malformed),
            ("sub", json!("s".repeat(129)), Because::Malformed),
        ] {
            let told = format!("{claim} = {value}");
            assert_eq!(
                judged(|claims| claims[claim] = value),
                Err(because),
                "{told}"
            );
        }
    }

    #[test]
    fn a_providers_clock_may_be_half_a_minute_before_ours_and_an_end_is_an_end() {
        let now = NOW.unix_timestamp();
        let ending = |at: i64| {
            judged(|claims| {
                claims["iat"] = json!(now - 600);
                claims["nbf"] = json!(now - 600);
                claims["exp"] = json!(at);
            })
        };
        assert!(ending(now + 1).is_ok());
        assert_eq!(ending(now), Err(Because::Expired));
        let beginning = |at: i64| {
            judged(|claims| {
                claims["iat"] = json!(at);
                claims["nbf"] = json!(at);
            })
        };
        assert!(beginning(now + 30).is_ok());
        assert_eq!(beginning(now + 31), Err(Because::NotYetValid));
    }
}
