//! Who works in the story. The operator founds the centre's two first heads; they register the city's head and auditor, and
//! those everybody else: always one asks and another person approves. Then each opens a shift where they work.
//!
//! What is easily got wrong: a first PIN is known to whoever registered the officer, so nobody works before replacing it.

use futures::future::try_join_all;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use time::{Date, macros::date};
use tonic::Status;

use super::{office::Office, place::Place, progress::Phase};
use crate::{
    cli::{
        Failure,
        client::{self, Line, Terminal, request_id},
        host::Host,
        officer,
    },
    proto::{
        Approval, ApprovalState, ApproveRequest, ApproveResponse, OfficerRole, OpenShiftRequest,
        PinCredential, RegisterOfficerRequest, administration_client::AdministrationClient,
        open_shift_request::Credential,
    },
};

/// The ledger and the officers of the centre itself.
const CENTRE: &str = "00.00";
/// A contract ends; nobody of the story works for one longer.
const CONTRACT_ENDS: Date = date!(2016 - 12 - 30);
/// A PIN's longest form, so that no other number in an output looks like one by chance.
const PIN_DIGITS: u32 = 12;
/// Officers of a story; each has two PINs.
fn staff(place: &Place) -> usize {
    2 + 3 + usize::from(place.province.is_some()) + 3 + 3 * place.subdistricts.len()
}

/// One person's account, as that person knows it.
struct Account {
    badge: String,
    nik: String,
    first_pin: String,
    pin: String,
}

/// The PINs of a seed's story, the first ones and those that replace them: nobody may find one in an output.
pub fn pins(seed: u64, place: &Place) -> impl Iterator<Item = String> + use<> {
    (1..).take(staff(place)).flat_map(move |number| {
        let account = account(seed, number, "");
        [account.first_pin, account.pin]
    })
}

fn account(seed: u64, number: u64, badge: &str) -> Account {
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(2));
    rng.set_stream(number);
    let digits = 10_u64.pow(PIN_DIGITS - 1)..10_u64.pow(PIN_DIGITS);
    Account {
        badge: badge.to_owned(),
        // Born on the day of the first of them, so that none is a citizen of the story.
        nik: format!("357502010170{number:04}"),
        first_pin: rng.random_range(digits.clone()).to_string(),
        pin: rng.random_range(digits).to_string(),
    }
}

/// A post to be filled.
struct Post {
    account: Account,
    district: &'static str,
    subdistrict: &'static str,
    roles: Vec<OfficerRole>,
    last_day: Option<Date>,
}

/// Numbers the people who are hired, one after the other.
struct Roster {
    seed: u64,
    hired: u64,
}

impl Roster {
    fn next(&mut self, badge: &str) -> Account {
        self.hired += 1;
        account(self.seed, self.hired, badge)
    }

    fn post(&mut self, district: &'static str, badge: &str, role: OfficerRole) -> Post {
        Post {
            account: self.next(badge),
            district,
            subdistrict: "",
            roles: vec![role],
            last_day: None,
        }
    }
}

/// Those who decide, and what hiring showed.
pub struct Leaders {
    /// The centre's two heads, at its policy desk.
    pub centre: Vec<Terminal>,
    pub head: Terminal,
    pub auditor: Terminal,
    /// The contractor's operator, on the desk's terminal.
    pub contractor: Terminal,
    /// Accounts that came to be.
    pub registered: usize,
    /// Those of them whose author and approver were two.
    pub by_two: usize,
    /// Whether a head could approve what she had asked for.
    pub approved_alone: bool,
}

/// Fills every post, and puts the officers to work: afterwards the office's terminals carry their shifts.
pub async fn hire(host: &Host, office: &mut Office) -> Result<Leaders, Failure> {
    let mut roster = Roster {
        seed: office.seed,
        hired: 0,
    };
    let place = office.place;
    let staff = staff(place);
    let phase = Phase::begin("officers and shifts", staff);
    let founded = found(host, office, &mut roster).await?;
    phase.advance(founded.len());
    let centre = Pair::new(&founded)?;
    let leading = leading(place, &mut roster);
    let approved_alone = centre.approves_alone(&leading[0]).await?;
    let mut approvals = centre.register(&leading).await?;
    phase.advance(leading.len());
    let led = [
        open_shift(&office.desk, &leading[0].account).await?,
        open_shift(&office.desk, &leading[1].account).await?,
    ];
    office.store = open_shift(&office.store, &leading[2].account).await?;
    if let (Some(terminal), Some(post)) = (&office.province, leading.get(3)) {
        office.province = Some(open_shift(terminal, &post.account).await?);
    }
    let city = Pair::new(&led)?;

    let mut contract = roster.post(place.district, "MITRA-1", OfficerRole::Contractor);
    contract.last_day = Some(CONTRACT_ENDS);
    let desks = [
        roster.post(place.district, "MEJA-1", OfficerRole::Counter),
        roster.post(place.district, "GUDANG-1", OfficerRole::Stock),
        contract,
    ];
    let crews = crews(place, &mut roster);
    approvals.extend(city.register(&desks).await?);
    phase.advance(desks.len());
    for crew in &crews {
        approvals.extend(city.register(crew).await?);
        phase.advance(crew.len());
    }
    let at_desk = try_join_all(
        desks
            .iter()
            .map(|post| open_shift(&office.desk, &post.account)),
    );
    let [desk, stockkeeper, contractor] = three(at_desk.await?)?;
    bring_crews(office, &crews).await?;
    (office.desk, office.stockkeeper) = (desk, stockkeeper);
    let by_two = approvals
        .iter()
        .filter(|approval| is_by_two(approval))
        .count();
    phase.end(&format!(
        "{staff} officers at work, {by_two} registered by two persons"
    ));
    let [head, auditor] = led;
    Ok(Leaders {
        centre: founded,
        head,
        auditor,
        contractor,
        registered: approvals.len(),
        by_two,
        approved_alone,
    })
}

/// Who is registered by the centre: those who lead the city, the keeper of the centre's store, and whoever is needed at the
/// province.
fn leading(place: &Place, roster: &mut Roster) -> Vec<Post> {
    let mut posts = vec![
        roster.post(place.district, "KEPALA", OfficerRole::Head),
        roster.post(place.district, "PENGAWAS", OfficerRole::Auditor),
        roster.post(CENTRE, "GUDANG-PUSAT", OfficerRole::Stock),
    ];
    let province = place.province.into_iter();
    posts.extend(province.map(|code| roster.post(code, "PROVINSI-1", OfficerRole::Stock)));
    posts
}

/// The operator founds two heads, who come to the centre's desk.
async fn found(
    host: &Host,
    office: &Office,
    roster: &mut Roster,
) -> Result<Vec<Terminal>, Failure> {
    let mut founded = Vec::new();
    for badge in ["PUSAT-1", "PUSAT-2"] {
        let account = roster.next(badge);
        host.found(officer::founder(
            &account.badge,
            &account.nik,
            &account.first_pin,
        )?)
        .await?;
        founded.push(open_shift(&office.policy, &account).await?);
    }
    Ok(founded)
}

/// Each crew comes to the terminal of its subdistrict.
async fn bring_crews(office: &mut Office, crews: &[[Post; 3]]) -> Result<(), Failure> {
    for (place, crew) in crews.iter().enumerate() {
        let terminal = office.counters[place].clone();
        let at_work = try_join_all(crew.iter().map(|post| open_shift(&terminal, &post.account)));
        let [counter, rounds, printer] = three(at_work.await?)?;
        office.counters[place] = counter;
        office.rounds.push(rounds);
        office.printers.push(printer);
    }
    Ok(())
}

/// At each counter one who serves, one who goes round the villages, and one who prints and keeps the subdistrict's blanks,
/// all limited to the subdistrict.
fn crews(place: &'static Place, roster: &mut Roster) -> Vec<[Post; 3]> {
    let crew = |(subdistrict, number): (&&'static str, u32)| {
        [
            ("LOKET", OfficerRole::Counter),
            ("KELILING", OfficerRole::Counter),
            ("CETAK", OfficerRole::Printer),
        ]
        .map(|(badge, role)| {
            let mut post = roster.post(place.district, &format!("{badge}-{number}"), role);
            if place.stores && role == OfficerRole::Printer {
                post.roles.push(OfficerRole::Stock);
            }
            Post {
                subdistrict,
                ..post
            }
        })
    };
    place.subdistricts.iter().zip(1..).map(crew).collect()
}

fn three<T>(many: Vec<T>) -> Result<[T; 3], Failure> {
    many.try_into()
        .map_err(|_| Failure::Call("an officer of three is missing".to_owned()))
}

fn is_by_two(approval: &Approval) -> bool {
    approval.state() == ApprovalState::Done
        && !approval.approved_by.is_empty()
        && approval.approved_by != approval.requested_by
}

/// Two persons who decide together: the first asks, the second approves.
struct Pair<'a> {
    author: &'a Terminal,
    second: &'a Terminal,
}

impl<'a> Pair<'a> {
    fn new(two: &'a [Terminal]) -> Result<Self, Failure> {
        let [author, second] = two else {
            return Err(Failure::Call("two persons decide".to_owned()));
        };
        Ok(Self { author, second })
    }

    async fn register(&self, posts: &[Post]) -> Result<Vec<Approval>, Failure> {
        try_join_all(posts.iter().map(async |post| {
            let pending = ask(self.author, post).await?;
            let approved = approve(self.second, &pending).await?;
            approved
                .approval
                .ok_or_else(|| Failure::Call("an approval was not answered".to_owned()))
        }))
        .await
    }

    /// Whether the author can be the second person as well; what was asked for runs out unapproved.
    async fn approves_alone(&self, post: &Post) -> Result<bool, Failure> {
        let pending = ask(self.author, post).await?;
        happened(approve(self.author, &pending).await, "SAME_PERSON")
    }
}

async fn ask(author: &Terminal, post: &Post) -> Result<Approval, Failure> {
    let request = RegisterOfficerRequest {
        request_id: request_id(),
        badge: post.account.badge.clone(),
        nik: post.account.nik.clone(),
        roles: post.roles.iter().map(|role| i32::from(*role)).collect(),
        district: post.district.to_owned(),
        subdistrict: post.subdistrict.to_owned(),
        last_day: post.last_day.map(|day| day.to_string()).unwrap_or_default(),
        initial_pin: post.account.first_pin.clone(),
        subject: String::new(),
        purpose: "the office opens for the interim certificates".to_owned(),
    };
    let call = |mut client: AdministrationClient<Line>, request| async move {
        client.register_officer(request).await
    };
    let answer = author.administration(request, call).await?;
    answer
        .approval
        .ok_or_else(|| Failure::Call("a registration was not answered".to_owned()))
}

/// The second person's word.
pub async fn approve(second: &Terminal, pending: &Approval) -> Result<ApproveResponse, Status> {
    let request = ApproveRequest {
        request_id: request_id(),
        approval_id: pending.approval_id.clone(),
        content_digest: pending.content_digest.clone(),
    };
    let call = |mut client: AdministrationClient<Line>, request| async move {
        client.approve(request).await
    };
    second.administration(request, call).await
}

/// Whether an act went through that must be refused for this reason.
pub fn happened<T>(answer: Result<T, Status>, reason: &str) -> Result<bool, Failure> {
    match answer {
        Ok(_) => Ok(true),
        Err(status) if client::reason(&status) == reason => Ok(false),
        Err(status) => Err(status.into()),
    }
}

/// The officer comes to work on a terminal, for the first time.
async fn open_shift(terminal: &Terminal, account: &Account) -> Result<Terminal, Failure> {
    let pin = PinCredential {
        badge: account.badge.clone(),
        pin: account.first_pin.clone(),
        new_pin: account.pin.clone(),
    };
    let request = OpenShiftRequest {
        request_id: request_id(),
        credential: Some(Credential::Pin(pin)),
    };
    let call = |mut client: AdministrationClient<Line>, request| async move {
        client.open_shift(request).await
    };
    let answer = terminal.administration(request, call).await?;
    terminal.on_shift(&answer.shift.unwrap_or_default().shift_id)
}
