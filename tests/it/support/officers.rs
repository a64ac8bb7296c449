//! Officers at work for tests whose story is another one: their accounts and shifts are written straight into the tables,
//! because proving a PIN for every client of every test would take longer than the tests. How officers really come to be
//! is told in `administration/`.

use ektp::caller::{Caller, OfficerRole};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use sqlx::PgPool;
use tonic::{Request, Status, service::Interceptor, transport::Channel};
use uuid::Uuid;

/// A client's way to the server, with the shift of the officer who works there.
pub type Line = tonic::service::interceptor::InterceptedService<Channel, OnShift>;

/// Hands the shift in with every call; without one it hands in nothing.
#[derive(Debug, Clone, Default)]
pub struct OnShift(pub Option<Uuid>);

impl Interceptor for OnShift {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(shift) = self.0 {
            let value = shift.to_string().parse().expect("an id is plain text");
            request.metadata_mut().insert("ektp-shift", value);
        }
        Ok(request)
    }
}

/// A line without an officer.
pub fn unstaffed(channel: Channel) -> Line {
    Line::new(channel, OnShift::default())
}

/// The roles of the one who does everything at a small office.
pub const ALL_BUT_CONTRACTOR: [OfficerRole; 5] = [
    OfficerRole::Counter,
    OfficerRole::Printer,
    OfficerRole::Stock,
    OfficerRole::Head,
    OfficerRole::Auditor,
];

/// Whether anybody works at such a machine.
pub fn is_staffed(principal: &str) -> bool {
    principal.starts_with("ektp://district/")
        || principal.starts_with("ektp://province/")
        || [
            "ektp://centre/store",
            "ektp://centre/policy",
            "ektp://centre/printer",
        ]
        .contains(&principal)
}

/// What the server will know of the certificate.
pub fn caller_of(certificate_pem: &str) -> Caller {
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).expect("our certificate");
    Caller::from_certificate(&der).expect("our certificate")
}

/// A new officer of these roles with an open shift on this certificate; answers the shift.
pub async fn open_shift(sql: &PgPool, certificate_pem: &str, roles: &[OfficerRole]) -> Uuid {
    open_shift_of(sql, Uuid::now_v7(), certificate_pem, roles).await
}

/// Whose shift it is.
pub async fn person_of(sql: &PgPool, shift: Uuid) -> Uuid {
    sqlx::query_scalar("select person_id from shift where shift_id = $1")
        .bind(shift)
        .fetch_one(sql)
        .await
        .expect("the shift is there")
}

/// One more account of a person, with an open shift on this certificate.
pub async fn open_shift_of(
    sql: &PgPool,
    person: Uuid,
    certificate_pem: &str,
    roles: &[OfficerRole],
) -> Uuid {
    let caller = caller_of(certificate_pem);
    let certificate = caller.certificate.expect("it was read from one");
    let (officer, shift) = (Uuid::now_v7(), Uuid::new_v4());
    let labels: Vec<&str> = roles.iter().map(|role| role.label()).collect();
    let last_day = roles
        .contains(&OfficerRole::Contractor)
        .then_some("2099-12-31");
    sqlx::query(
        "with person as (
             insert into officer_person (person_id, nik_index) values ($1, decode(md5($1::text), 'hex'))
             on conflict do nothing
         ), account as (
             insert into officer (
                 officer_id, person_id, district, badge, roles, last_day, pin_hash, pin_is_initial, registered_at
             )
             values ($2, $1, $4, 'T-' || upper(left(md5($2::text), 12)), $5, $6::date, 'none', false, clock_timestamp())
         )
         insert into shift (shift_id, officer_id, person_id, district, terminal, thumbprint, ends_at)
         values ($3, $2, $1, $4, $7, $8, clock_timestamp() + interval '11 hours')",
    )
    .bind(person)
    .bind(officer)
    .bind(shift)
    .bind(caller.ledger().number())
    .bind(labels)
    .bind(last_day)
    .bind(caller.name())
    .bind(certificate.thumbprint.to_vec())
    .execute(sql)
    .await
    .expect("an officer can be written");
    shift
}
