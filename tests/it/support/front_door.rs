//! Officers as they really come to be, for tests of the whole program: founded at the database, registered by two persons,
//! at work by their PIN.
//!
//! What is easily got wrong: a shift is good only with the certificate under which it was opened. A test keeps the line that
//! [`open_shift`] answers; a new certificate of the same terminal needs a new shift.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use ektp::proto::{
    ApproveRequest, OfficerRole, OpenShiftRequest, PinCredential, RegisterOfficerRequest,
    administration_client::AdministrationClient, open_shift_request::Credential,
};
use tonic::transport::Channel;
use uuid::Uuid;

use super::{
    office::request_id,
    officers::{Line, OnShift, unstaffed},
};

/// More officers than any test hires.
const OFFICERS_MAX: u16 = 100;

/// One person's account, as that person knows it.
#[derive(Debug, Clone)]
pub struct Account {
    badge: String,
    nik: String,
    first_pin: String,
    pin: String,
}

impl Account {
    fn new(number: u16) -> Self {
        assert!(number <= OFFICERS_MAX, "their PINs are known to the scan");
        Self {
            badge: format!("UJI-{number}"),
            nik: format!("357502010180{number:04}"),
            first_pin: format!("731509{number:06}"),
            pin: format!("842615{number:06}"),
        }
    }
}

/// Every PIN of these officers, for those who look whether one was printed.
pub fn pins() -> impl Iterator<Item = String> {
    (1..=OFFICERS_MAX)
        .map(Account::new)
        .flat_map(|account| [account.first_pin, account.pin])
}

/// The two who found the centre.
fn founders() -> [Account; 2] {
    [1, 2].map(Account::new)
}

/// Founds the centre's heads in a data folder on which nothing runs, with the program itself; answers what it said.
pub fn found(data: &Path) -> Vec<String> {
    let said = founders().map(|account| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ektp"))
            .args(["officer", "found", "--data"])
            .arg(data)
            .arg(&account.badge)
            .env_remove("DATABASE_URL")
            .env("EKTP_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut into = child.stdin.take().expect("a pipe");
        write!(into, "{}\n{}\n", account.nik, account.first_pin).expect("it reads");
        drop(into);
        let output = child.wait_with_output().expect("a child can be waited for");
        assert!(output.status.success(), "the heads can be founded");
        String::from_utf8(output.stdout).expect("text")
    });
    said.into()
}

/// The centre's two heads at their desk.
pub struct FrontDoor {
    author: AdministrationClient<Line>,
    second: AdministrationClient<Line>,
    hired: u16,
}

impl FrontDoor {
    /// Both come to work on the policy desk's certificate.
    pub async fn open(policy: Channel) -> Self {
        let [first, second] = founders();
        Self {
            author: AdministrationClient::new(open_shift(policy.clone(), &first).await),
            second: AdministrationClient::new(open_shift(policy, &second).await),
            hired: 2,
        }
    }

    /// One asks for the account, the other approves it.
    pub async fn hire(&mut self, district: &str, role: OfficerRole) -> Account {
        self.hired += 1;
        let account = Account::new(self.hired);
        let request = RegisterOfficerRequest {
            request_id: request_id(),
            badge: account.badge.clone(),
            nik: account.nik.clone(),
            roles: vec![role.into()],
            district: district.to_owned(),
            initial_pin: account.first_pin.clone(),
            purpose: "a test of the whole program".to_owned(),
            ..RegisterOfficerRequest::default()
        };
        let pending = self.author.register_officer(request).await;
        let pending = pending.expect("a head may ask").into_inner().approval;
        let pending = pending.expect("what waits for the second person");
        let request = ApproveRequest {
            request_id: request_id(),
            approval_id: pending.approval_id,
            content_digest: pending.content_digest,
        };
        let approved = self.second.approve(request).await;
        approved.expect("another person approves");
        account
    }
}

/// The officer's first shift on a terminal; answers the line that carries it.
pub async fn open_shift(channel: Channel, account: &Account) -> Line {
    let shift = begin_shift(channel.clone(), account).await;
    Line::new(channel, OnShift(Some(shift)))
}

/// The same for a client that hands the shift in by itself.
pub async fn begin_shift(channel: Channel, account: &Account) -> Uuid {
    let credential = PinCredential {
        badge: account.badge.clone(),
        pin: account.first_pin.clone(),
        new_pin: account.pin.clone(),
    };
    let request = OpenShiftRequest {
        request_id: request_id(),
        credential: Some(Credential::Pin(credential)),
    };
    let opened = AdministrationClient::new(unstaffed(channel))
        .open_shift(request)
        .await
        .expect("badge and PIN are right");
    let shift = opened.into_inner().shift.expect("the shift");
    shift.shift_id.parse().expect("a UUID")
}
