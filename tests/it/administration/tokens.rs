//! Tokens of an office's OpenID provider: good for minutes, on one certificate, under a published key; and every other
//! one refused with its reason. The provider's keys come from a file, and over https with rotation.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ektp::{
    clock::Clock,
    feed::Timing,
    openid::Providers,
    proto::{self, open_shift_request::Credential},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    Folder,
    office::{Office, reason, request_id},
    officers::caller_of,
};

use super::{
    COUNTER, OTHER, at, count, heads, open, provider::Provider, registered, registration, sql,
};

const ISSUER: &str = "https://id.example/realms/pasuruan";

/// A key of the provider.
pub struct Key {
    pub id: String,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    pub fn es256(id: &str) -> Self {
        let random = SystemRandom::new();
        let rule = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(rule, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(rule, pkcs8.as_ref(), &random).expect("our key");
        Self {
            id: id.to_owned(),
            pair: Pair::Es256(pair),
        }
    }

    fn eddsa(id: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("our key");
        Self {
            id: id.to_owned(),
            pair: Pair::EdDsa(pair),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    fn public(&self) -> &[u8] {
        match &self.pair {
            Pair::Es256(pair) => pair.public_key().as_ref(),
            Pair::EdDsa(pair) => pair.public_key().as_ref(),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.expect("it signs").as_ref().to_vec()
            }
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// As the provider publishes it.
    pub fn published(&self) -> Value {
        let bytes = self.public();
        match self.pair {
            Pair::Es256(_) => json!({
                "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig",
                "x": encoded(&bytes[1..33]), "y": encoded(&bytes[33..]),
            }),
            Pair::EdDsa(_) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encoded(bytes) })
            }
        }
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with a header and claims, signed over both.
fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!(
        "{}.{}",
        encoded(header.to_string()),
        encoded(claims.to_string())
    );
    let signature = encoded(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// What a good token says at this terminal.
fn claims(office: &Office, principal: &str) -> Value {
    let now = Clock::System.now().unix_timestamp();
    let certificate = caller_of(&office.identity(principal).certificate_pem).certificate;
    let thumbprint = encoded(certificate.expect("it has one").thumbprint);
    json!({
        "iss": ISSUER, "aud": "ektp", "sub": "ani", "iat": now, "nbf": now, "exp": now + 900,
        "cnf": { "x5t#S256": thumbprint },
    })
}

pub fn good(office: &Office, key: &Key) -> String {
    let header = json!({ "alg": key.algorithm(), "kid": key.id, "typ": "JWT" });
    token(&header, &claims(office, COUNTER), |message| {
        key.sign(message)
    })
}

pub fn by_token(token: String) -> proto::OpenShiftRequest {
    proto::OpenShiftRequest {
        request_id: request_id(),
        credential: Some(Credential::BearerToken(token)),
    }
}

fn because(status: &Status) -> String {
    let told = (status.code(), reason(status));
    assert_eq!(
        told,
        (Code::Unauthenticated, "TOKEN_REFUSED".to_owned()),
        "{status:?}"
    );
    let info = status.get_details_error_info().expect("a reason");
    info.metadata["because"].clone()
}

/// An office of the city with a provider, whose second server knows it; and one officer without a PIN.
pub async fn with_provider(folder: &Folder, jwks: &str, authority: Option<&str>) -> Office {
    let mut office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    let by_subject = proto::RegisterOfficerRequest {
        initial_pin: String::new(),
        subject: "ani".to_owned(),
        ..registration("C-1", 3)
    };
    registered((&mut one, &mut other), by_subject).await;
    let entry = json!([{
        "districts": ["35.75"], "issuer": ISSUER, "audience": "ektp", "jwks": jwks, "authority": authority,
    }]);
    let file = folder.join("providers.json");
    std::fs::write(&file, entry.to_string()).expect("the folder is ours");
    office.providers = Providers::read(&file).expect("a list of providers");
    assert_eq!(office.add_server(Timing::default()).await, 1);
    office
}

fn publish(folder: &Folder, keys: &[&Key]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.published()).collect();
    let file = folder.join("keys.json");
    std::fs::write(&file, json!({ "keys": keys }).to_string()).expect("the folder is ours");
    file.to_string_lossy().into_owned()
}

#[tokio::test]
async fn a_token_opens_a_shift_as_long_as_itself_and_the_next_one_prolongs_it() {
    let folder = Folder::new();
    let (es, ed) = (Key::es256("es"), Key::eddsa("ed"));
    let office = with_provider(&folder, &publish(&folder, &[&es, &ed]), None).await;
    let mut nobody = at(&office, 1, COUNTER, None).await;
    let first = open(&mut nobody, by_token(good(&office, &es)))
        .await
        .expect("a good token");
    let (opened, ends) = (
        first.opened_time.expect("when"),
        first.end_time.expect("until"),
    );
    assert!(
        (890..=900).contains(&(ends.seconds - opened.seconds)),
        "{first:?}"
    );
    let mut counter = at(&office, 1, COUNTER, Some(&first.shift_id)).await;
    let page = proto::ListAwaitingRequest::default;
    counter
        .handover
        .list_awaiting(page())
        .await
        .expect("it is good");

    sql(
        &office,
        "update shift set ends_at = clock_timestamp() + interval '1 minute' where district = 3575",
    )
    .await;
    let next = open(&mut nobody, by_token(good(&office, &ed)))
        .await
        .expect("the other algorithm");
    assert_eq!(next.shift_id, first.shift_id, "prolonged");
    assert!(next.end_time.expect("until").seconds >= ends.seconds);
    // Up to twelve hours, and then a new one begins.
    sql(&office, "update shift set opened_at = opened_at - interval '11 hours 50 minutes', ends_at = clock_timestamp() + interval '1 minute'
        where district = 3575").await;
    let last = open(&mut nobody, by_token(good(&office, &es)))
        .await
        .expect("once more");
    assert_eq!(last.shift_id, first.shift_id);
    let length = last.end_time.expect("until").seconds - last.opened_time.expect("when").seconds;
    assert_eq!(length, 12 * 3_600, "and not as long as the token");
    // At another terminal the same officer has another certificate and another shift.
    let header = json!({ "alg": "ES256", "kid": "es" });
    let elsewhere = token(&header, &claims(&office, OTHER), |message| es.sign(message));
    let mut other = at(&office, 1, OTHER, None).await;
    let moved = open(&mut other, by_token(elsewhere)).await.expect("there");
    assert_ne!(moved.shift_id, first.shift_id);
    assert_eq!(
        count(&office, "shift where closed_at is null and district = 3575").await,
        1
    );
}

#[tokio::test]
async fn every_other_token_is_refused_with_its_reason() {
    let folder = Folder::new();
    let (key, stranger) = (Key::es256("es"), Key::es256("es"));
    let unpublished = Key::es256("next");
    let office = with_provider(&folder, &publish(&folder, &[&key]), None).await;
    let mut nobody = at(&office, 1, COUNTER, None).await;
    let now = Clock::System.now().unix_timestamp();
    let header = json!({ "alg": "ES256", "kid": "es" });
    let own = claims(&office, COUNTER);
    let with = |name: &str, value: Value| {
        let mut claims = own.clone();
        claims[name] = value;
        token(&header, &claims, |message| key.sign(message))
    };
    let signed = |header: Value, key: &Key| token(&header, &own, |message| key.sign(message));
    // HS256 with the published key as the secret, and no signature at all.
    let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public());
    let hmac = token(&json!({ "alg": "HS256", "kid": "es" }), &own, |m| {
        hmac::sign(&secret, m).as_ref().to_vec()
    });
    let none = token(&json!({ "alg": "none", "kid": "es" }), &own, |_| Vec::new());
    let (hours, five_minutes) = (with("exp", json!(now + 7_200)), 300);
    let mut slow = own.clone();
    (slow["iat"], slow["nbf"], slow["exp"]) = (
        json!(now - 1_200),
        json!(now - 1_200),
        json!(now - five_minutes),
    );
    let slow = token(&header, &slow, |message| key.sign(message));
    let cases = [
        ("ALGORITHM", none),
        ("ALGORITHM", hmac),
        (
            "ALGORITHM",
            signed(json!({ "alg": "RS256", "kid": "es" }), &key),
        ),
        (
            "ALGORITHM",
            signed(json!({ "alg": "EdDSA", "kid": "es" }), &key),
        ),
        ("SIGNATURE", signed(header.clone(), &stranger)),
        (
            "KEY_UNKNOWN",
            signed(json!({ "alg": "ES256", "kid": "next" }), &unpublished),
        ),
        ("KEY_UNKNOWN", signed(json!({ "alg": "ES256" }), &key)),
        ("ISSUER", with("iss", json!("https://id.example"))),
        ("AUDIENCE", with("aud", json!("other"))),
        ("EXPIRED", slow),
        ("NOT_YET_VALID", with("iat", json!(now + five_minutes))),
        ("TOO_LONG", hours),
        ("NOT_BOUND", with("cnf", Value::Null)),
        (
            "OTHER_CERTIFICATE",
            token(&header, &claims(&office, OTHER), |message| {
                key.sign(message)
            }),
        ),
        ("SUBJECT_UNKNOWN", with("sub", json!("budi"))),
        ("MALFORMED", "not.a.token".to_owned()),
        ("MALFORMED", good(&office, &key).replace('.', "")),
    ];
    for (expected, token) in cases {
        let status = open(&mut nobody, by_token(token))
            .await
            .expect_err(expected);
        assert_eq!(because(&status), expected);
    }
    assert_eq!(count(&office, "shift where district = 3575").await, 0);
}

#[tokio::test]
async fn without_a_provider_no_token_is_good_and_an_ended_officer_has_none() {
    let folder = Folder::new();
    let key = Key::es256("es");
    let office = with_provider(&folder, &publish(&folder, &[&key]), None).await;
    let mut unconfigured = at(&office, 0, COUNTER, None).await;
    let status = open(&mut unconfigured, by_token(good(&office, &key)))
        .await
        .expect_err("no provider");
    assert_eq!(because(&status), "NOT_CONFIGURED");
    sql(
        &office,
        "update officer set ended_at = clock_timestamp() where badge = 'C-1'",
    )
    .await;
    let mut nobody = at(&office, 1, COUNTER, None).await;
    let status = open(&mut nobody, by_token(good(&office, &key)))
        .await
        .expect_err("it is over");
    assert_eq!(reason(&status), "OFFICER_ENDED");
}

#[tokio::test]
async fn a_rotated_key_is_found_over_https_and_the_provider_is_not_asked_for_every_invented_one() {
    let folder = Folder::new();
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    let provider = Provider::start(json!({ "keys": [old.published()] })).await;
    let authority = provider.authority(&folder);
    let office = with_provider(&folder, &provider.address(), Some(&authority)).await;
    let mut nobody = at(&office, 1, COUNTER, None).await;
    open(&mut nobody, by_token(good(&office, &old)))
        .await
        .expect("the published key");
    assert_eq!(provider.asked(), 1);
    open(&mut nobody, by_token(good(&office, &old)))
        .await
        .expect("kept");
    for invented in ["a", "b", "c"] {
        let key = Key::es256(invented);
        let status = open(&mut nobody, by_token(good(&office, &key)))
            .await
            .expect_err("unknown");
        assert_eq!(because(&status), "KEY_UNKNOWN");
    }
    assert_eq!(provider.asked(), 1, "at most once in half a minute");
    // A server that has not asked lately finds the new one; the old one is gone.
    provider.publish(json!({ "keys": [new.published()] }));
    let early = by_token(good(&office, &new));
    let status = open(&mut nobody, early.clone()).await;
    assert_eq!(because(&status.expect_err("too early")), "KEY_UNKNOWN");
    let mut office = office;
    let file = folder.join("providers.json");
    office.providers = Providers::read(&file).expect("a list of providers");
    office.add_server(Timing::default()).await;
    let mut nobody = at(&office, 2, COUNTER, None).await;
    open(&mut nobody, early)
        .await
        .expect("the same request again: what passes with time is no answer for ever");
    let status = open(&mut nobody, by_token(good(&office, &old)))
        .await
        .expect_err("withdrawn");
    assert_eq!(because(&status), "KEY_UNKNOWN");
    let plain = json!([{ "districts": ["*"], "issuer": "i", "audience": "a", "jwks": "http://id.example/keys" }]);
    std::fs::write(&file, plain.to_string()).expect("the folder is ours");
    assert!(Providers::read(&file).is_err(), "https alone");
}
