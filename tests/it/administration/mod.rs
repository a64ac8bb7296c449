//! Officers as they really come to be: founded at the centre, registered by one person and approved by another, proving
//! themselves by PIN or token, and gone when they are ended.
//!
//! What is easily got wrong: the everyday officers of other tests are written past the server. Here only `sql` that says
//! so is: to let time pass, or to do what a superuser might.

use ektp::{
    administration::{Founder, found},
    ids::Nik,
    proto::{self, open_shift_request::Credential},
};
use tonic::Status;
use uuid::Uuid;

use crate::support::{
    look,
    office::{Client, Office, request_id},
    officers::{Line, OnShift},
    people::residents,
};

mod accounts;
mod approvals;
mod ends;
mod pins;
mod provider;
mod shifts;
mod terminals;
mod tokens;

/// The centre's desk.
pub const DESK: &str = "ektp://centre/policy";
/// A terminal of the city's office.
pub const COUNTER: &str = "ektp://district/35.75/site/office/terminal/1";
/// Another one.
pub const OTHER: &str = "ektp://district/35.75/site/office/terminal/2";
/// The first PIN of everybody, known to others.
pub const FIRST_PIN: &str = "111111";
/// What everybody takes instead.
pub const OWN_PIN: &str = "482913";

/// The NIK of the n-th person who works somewhere.
pub fn nik(person: usize) -> String {
    residents("35.75", 40 + person)[39 + person].nik.clone()
}

/// Founds a head of the centre.
pub async fn found_head(office: &Office, badge: &str, person: usize) -> ektp::error::Result<()> {
    let founder = Founder {
        badge: badge.parse().expect("a badge"),
        nik: Nik::parse(&nik(person)).expect("a NIK"),
        initial_pin: FIRST_PIN.parse().expect("a PIN"),
    };
    found(office.server(0).desk(), founder).await.map(drop)
}

/// A client on a certificate, with a shift or with nobody.
pub async fn at(office: &Office, server: usize, principal: &str, shift: Option<&str>) -> Client {
    let channel = office.endpoint(server, principal).connect().await;
    let shift = shift.map(|shift| shift.parse::<Uuid>().expect("an id"));
    Client::over(Line::new(
        channel.expect("the server answers"),
        OnShift(shift),
    ))
}

/// The request of one who types badge and PIN.
pub fn by_pin(badge: &str, pin: &str, new_pin: &str) -> proto::OpenShiftRequest {
    proto::OpenShiftRequest {
        request_id: request_id(),
        credential: Some(Credential::Pin(proto::PinCredential {
            badge: badge.to_owned(),
            pin: pin.to_owned(),
            new_pin: new_pin.to_owned(),
        })),
    }
}

/// Opens a shift.
pub async fn open(
    client: &mut Client,
    request: proto::OpenShiftRequest,
) -> Result<proto::Shift, Status> {
    let answer = client.administration.open_shift(request).await?;
    Ok(answer.into_inner().shift.expect("a shift"))
}

/// A client of an officer who takes an own PIN with the first shift.
pub async fn first_shift(office: &Office, principal: &str, badge: &str) -> (Client, proto::Shift) {
    let mut nobody = at(office, 0, principal, None).await;
    let request = by_pin(badge, FIRST_PIN, OWN_PIN);
    let shift = open(&mut nobody, request).await.expect("the first shift");
    (at(office, 0, principal, Some(&shift.shift_id)).await, shift)
}

/// The same at a later day.
pub async fn shift(office: &Office, principal: &str, badge: &str) -> (Client, proto::Shift) {
    let mut nobody = at(office, 0, principal, None).await;
    let request = by_pin(badge, OWN_PIN, "");
    let shift = open(&mut nobody, request).await.expect("a shift");
    (at(office, 0, principal, Some(&shift.shift_id)).await, shift)
}

/// The centre's two heads at the desk.
pub async fn heads(office: &Office) -> (Client, Client) {
    for (badge, person) in [("H-1", 1), ("H-2", 2)] {
        found_head(office, badge, person)
            .await
            .expect("two are founded");
    }
    let (one, _) = first_shift(office, DESK, "H-1").await;
    let (other, _) = first_shift(office, DESK, "H-2").await;
    (one, other)
}

/// A registration of a counter's officer in the city.
pub fn registration(badge: &str, person: usize) -> proto::RegisterOfficerRequest {
    proto::RegisterOfficerRequest {
        request_id: request_id(),
        badge: badge.to_owned(),
        nik: nik(person),
        roles: vec![proto::OfficerRole::Counter.into()],
        district: "35.75".to_owned(),
        subdistrict: String::new(),
        last_day: String::new(),
        initial_pin: FIRST_PIN.to_owned(),
        subject: String::new(),
        purpose: "starts on Monday".to_owned(),
    }
}

/// Asks for an account.
pub async fn ask(
    head: &mut Client,
    request: proto::RegisterOfficerRequest,
) -> Result<proto::Approval, Status> {
    let answer = head.administration.register_officer(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

/// Says yes to what was shown.
pub async fn approve(
    second: &mut Client,
    shown: &proto::Approval,
) -> Result<proto::Approval, Status> {
    let request = proto::ApproveRequest {
        request_id: request_id(),
        approval_id: shown.approval_id.clone(),
        content_digest: shown.content_digest.clone(),
    };
    let answer = second.administration.approve(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

/// Registers an officer of the city with the word of both heads; answers the account.
pub async fn registered(
    (one, other): (&mut Client, &mut Client),
    request: proto::RegisterOfficerRequest,
) -> String {
    let asked = ask(one, request).await.expect("it may be asked");
    let done = approve(other, &asked).await.expect("it may be approved");
    done.resource
}

/// Lets something happen past the server.
pub async fn sql(office: &Office, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(&office.sql)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// How many rows there are.
pub async fn count(office: &Office, of: &str) -> i64 {
    look::count(&office.sql, of).await
}
