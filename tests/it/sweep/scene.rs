//! The scene: one person, blank or card of Kota Pasuruan at every place of the life of a card, so that each RPC has
//! something to act on, and beside it the same names of things that are nowhere.

use ektp::{
    areas,
    cli::demo::people::Person,
    proto::{self, LeaseKey, SerialRange, VerdictOutcome, submit_print_request_result::Outcome},
};
use uuid::Uuid;

use crate::support::{
    look,
    office::{Client, Office, request_id},
    people::{key, residents},
};

use super::{
    blanks::{asked_for_blanks, on_its_way, open_counts, run, sent_on},
    doubt,
    staff::{self, Staff},
    stock::{self, Stock},
};

/// Where everything of the scene is.
pub const DISTRICT: &str = "35.75";

/// One of the same province to which blanks may be sent.
pub const NEIGHBOUR: &str = "35.78";
/// A district of the same province in which there is nothing.
pub const EMPTY_DISTRICT: &str = "35.77";

/// Blanks in the district's store.
pub const FIRST_BLANK: i64 = 8_000_001;
/// Blanks that the maker has not delivered yet.
const FIRST_UNKNOWN: i64 = 8_200_001;

/// Where the people of the scene who stand nowhere begin among the invented.
const STRANGERS: usize = 60;

/// What requests name.
#[derive(Clone)]
pub struct Things {
    /// Where people live.
    pub district: String,
    /// The store, the destination, the queue.
    pub location: String,
    pub newcomer: Person,
    pub latecomer: Person,
    pub known: Person,
    pub enrolment: String,
    pub uncertified: String,
    pub checked: (String, u64),
    pub resident: String,
    /// Whose record is changed.
    pub changed: String,
    /// Who dies.
    pub mourned: String,
    pub count: u32,
    pub queued: String,
    pub renewed: LeaseKey,
    pub to_bind: (LeaseKey, i64),
    pub printed: (LeaseKey, i64),
    pub spoiled: (LeaseKey, i64),
    pub released: LeaseKey,
    /// A request in doubt, and its blank.
    pub doubtful: (String, i64),
    /// A card that a printer reported without a right to print it.
    pub incident: String,
    /// The request of that card; it is held.
    pub held: String,
    pub delivery: SerialRange,
    pub dispatch: SerialRange,
    pub shipment: (String, SerialRange),
    /// A shipment of the district's to a subdistrict of its own.
    pub sent: String,
    pub blank: i64,
    /// Two counts that are open: one to be written on and handed in, one to be given up.
    pub counts: [String; 2],
    /// The district's request for blanks; it is open.
    pub asked_of_centre: String,
    /// Another district's, which the province decides.
    pub asked_of_province: String,
    pub collection: String,
    pub challenge: (String, Vec<u8>),
    /// What is not as it should be in the store.
    pub stock: Stock,
    /// About officers and terminals.
    pub staff: Staff,
}

impl Things {
    /// Things for a test that needs no office.
    pub fn nowhere() -> Self {
        let lease = || LeaseKey {
            print_request_id: Uuid::new_v4().to_string(),
            fence: 1,
        };
        let people = residents(DISTRICT, 3);
        let none = String::new;
        Self {
            district: DISTRICT.to_owned(),
            location: DISTRICT.to_owned(),
            newcomer: people[0].clone(),
            latecomer: people[1].clone(),
            known: people[2].clone(),
            enrolment: none(),
            uncertified: none(),
            checked: (none(), 1),
            resident: none(),
            changed: none(),
            mourned: none(),
            count: 1,
            queued: none(),
            renewed: lease(),
            to_bind: (lease(), FIRST_BLANK),
            printed: (lease(), FIRST_BLANK),
            spoiled: (lease(), FIRST_BLANK),
            released: lease(),
            doubtful: (none(), FIRST_BLANK),
            incident: none(),
            held: none(),
            delivery: run(FIRST_BLANK, FIRST_BLANK),
            dispatch: run(FIRST_BLANK, FIRST_BLANK),
            shipment: (none(), run(FIRST_BLANK, FIRST_BLANK)),
            sent: none(),
            blank: FIRST_BLANK,
            counts: [none(), none()],
            asked_of_centre: none(),
            asked_of_province: none(),
            collection: none(),
            challenge: (none(), vec![0; 32]),
            stock: Stock::nowhere(),
            staff: Staff::nowhere(),
        }
    }

    /// Things of the same shape that do not exist, with the codes of a district.
    pub fn missing(&self, district: &str) -> Self {
        let id = || Uuid::new_v4().to_string();
        let lease = |known: &LeaseKey| LeaseKey {
            print_request_id: id(),
            fence: known.fence,
        };
        let strangers = residents(DISTRICT, STRANGERS + 3);
        let further = |range: &SerialRange| run(range.first + 500_000, range.last + 500_000);
        Self {
            district: district.to_owned(),
            location: district.to_owned(),
            newcomer: strangers[STRANGERS].clone(),
            latecomer: strangers[STRANGERS + 1].clone(),
            known: strangers[STRANGERS + 2].clone(),
            enrolment: id(),
            uncertified: id(),
            checked: (id(), self.checked.1),
            resident: id(),
            changed: id(),
            mourned: id(),
            count: self.count + 1,
            queued: id(),
            renewed: lease(&self.renewed),
            to_bind: (lease(&self.to_bind.0), self.to_bind.1),
            printed: (lease(&self.printed.0), self.printed.1),
            spoiled: (lease(&self.spoiled.0), self.spoiled.1),
            released: lease(&self.released),
            doubtful: (id(), self.doubtful.1),
            incident: id(),
            held: id(),
            delivery: further(&self.delivery),
            // A refusal repeats the serials that were asked for.
            dispatch: self.dispatch,
            shipment: (id(), self.shipment.1),
            sent: id(),
            blank: self.blank + 500_000,
            counts: [id(), id()],
            asked_of_centre: id(),
            asked_of_province: id(),
            collection: id(),
            challenge: (id(), self.challenge.1.clone()),
            stock: self.stock.missing(),
            staff: self.staff.missing(),
        }
    }

    /// Things of the district with which every write is refused, wholly or in its item.
    pub fn refused(&self) -> Self {
        Self {
            location: EMPTY_DISTRICT.to_owned(),
            newcomer: self.known.clone(),
            latecomer: self.known.clone(),
            known: self.known.clone(),
            delivery: self.dispatch,
            dispatch: run(FIRST_UNKNOWN, FIRST_UNKNOWN),
            staff: self.staff.refused(),
            ..self.missing(DISTRICT)
        }
    }

    /// The village that a person's sheet says: in another district than the person's it is the first of that district.
    pub fn village(&self, person: &Person) -> String {
        if self.district == DISTRICT {
            person.village.clone()
        } else {
            first_village(&self.district)
        }
    }
}

/// The first village of a district's first subdistrict.
pub fn first_village(district: &str) -> String {
    let district = district.parse().expect("a district's code");
    let mut villages = areas::subdistricts_of(district).flat_map(areas::villages_of);
    villages
        .next()
        .expect("every district has villages")
        .to_string()
}

/// Sets the scene; everybody in it is known to `ektp://district/35.75/site/office/terminal/1`.
pub async fn set(office: &Office) -> Things {
    let mut people = residents(DISTRICT, 17);
    for (place, person) in people.iter_mut().enumerate() {
        // One holder gets a notice, all others a visit of the village's officer.
        person.phone = (place == 5).then(|| "+6281234567890".to_owned());
    }
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut matcher = office.centre("matcher").await;
    office.stock(DISTRICT, FIRST_BLANK, FIRST_BLANK + 49).await;

    let (enrolments, checked) = enrol(&mut terminal, &mut matcher, &people[2..]).await;
    let resident = |place: usize| enrolments[place].1.clone();

    let noticed = print(&mut terminal, resident(3), FIRST_BLANK).await;
    let visited = print(&mut terminal, resident(4), FIRST_BLANK + 1).await;
    let (challenge, collection) = challenge(&mut terminal, &noticed, &visited).await;

    let (doubtful, (incident, held)) =
        doubt::set(office, &mut terminal, [11, 12].map(resident)).await;

    terminal.submit(&[5, 6, 7, 8, 9, 10].map(resident)).await;
    let leases = terminal.lease(5).await.leases;
    assert_eq!(leases.len(), 5, "five of the six are leased");
    terminal.bind(&leases[2..4], FIRST_BLANK + 2).await;
    // The scene stands still: no lease runs out while a test looks at it.
    hold_leases(office).await;
    look::until_none(&office.sql, "notice where state = 'QUEUED'").await;

    let mut store = office.centre("store").await;
    let shipment = on_its_way(&mut store).await;
    let [asked_of_centre, asked_of_province] = asked_for_blanks(office).await;
    let sent = sent_on(&mut terminal).await;
    let queued = waiting_request(&mut terminal).await;
    let counts = open_counts(&mut terminal).await;
    Things {
        stock: stock::set(office, &mut terminal, &mut store).await,
        staff: staff::hire(office).await,
        district: DISTRICT.to_owned(),
        location: DISTRICT.to_owned(),
        newcomer: people[0].clone(),
        latecomer: people[1].clone(),
        known: people[2].clone(),
        enrolment: enrolments[2].0.clone(),
        uncertified: enrolments[1].0.clone(),
        checked,
        resident: resident(2),
        changed: resident(13),
        mourned: resident(14),
        count: 1,
        queued,
        renewed: key(&leases[0]),
        to_bind: (key(&leases[1]), FIRST_BLANK + 10),
        printed: (key(&leases[2]), FIRST_BLANK + 2),
        spoiled: (key(&leases[3]), FIRST_BLANK + 3),
        released: key(&leases[4]),
        doubtful,
        incident,
        held,
        delivery: run(FIRST_UNKNOWN, FIRST_UNKNOWN + 9),
        dispatch: run(FIRST_BLANK + 30, FIRST_BLANK + 39),
        shipment,
        sent,
        blank: FIRST_BLANK,
        counts,
        asked_of_centre,
        asked_of_province,
        collection,
        challenge,
    }
}

/// Enrols people: the first is being checked, all others are print-ready; all but the second have an interim certificate.
/// Answers the ids of enrolments and persons, and the check.
async fn enrol(
    terminal: &mut Client,
    matcher: &mut Client,
    people: &[Person],
) -> (Vec<(String, String)>, (String, u64)) {
    let mut enrolments = Vec::new();
    for person in people {
        enrolments.push(terminal.enrol(person).await);
    }
    let certified: Vec<String> = enrolments
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != 1)
        .map(|(_, (enrolment, _))| enrolment.clone())
        .collect();
    terminal.certify(&certified).await;
    let enough = u32::try_from(enrolments.len()).expect("a few");
    let tasks = matcher.lease_checks(enough).await;
    let (checking, unique): (Vec<_>, Vec<_>) = tasks
        .into_iter()
        .partition(|task| task.enrolment_id == enrolments[0].0);
    matcher.decide(&unique, VerdictOutcome::Unique).await;
    let checked = (checking[0].enrolment_id.clone(), checking[0].fence);
    (enrolments, checked)
}

/// Takes one person from the counter to the printed card; answers the print request.
async fn print(terminal: &mut Client, resident: String, serial: i64) -> String {
    let results = terminal.submit(&[resident]).await;
    let Some(Outcome::Queued(entry)) = &results[0].outcome else {
        panic!("not queued: {results:?}")
    };
    let leases = terminal.lease(1).await.leases;
    assert_eq!(leases.len(), 1, "the one request is leased");
    terminal.bind(&leases, serial).await;
    terminal.report(&leases, serial).await;
    entry.print_request_id.clone()
}

/// Opens the handover of one card; answers its challenge, and the collection of the other card.
async fn challenge(
    terminal: &mut Client,
    other: &str,
    challenged: &str,
) -> ((String, Vec<u8>), String) {
    let awaiting = terminal
        .handover
        .list_awaiting(proto::ListAwaitingRequest::default())
        .await
        .expect("cards are listed")
        .into_inner()
        .collections;
    let of = |print_request: &str| {
        let mut found = awaiting
            .iter()
            .filter(|card| card.print_request_id == print_request);
        found
            .next()
            .expect("a printed card awaits its holder")
            .collection_id
            .clone()
    };
    let request = proto::StartHandoverRequest {
        request_id: request_id(),
        collection_id: of(challenged),
    };
    let started = terminal
        .handover
        .start_handover(request)
        .await
        .expect("the handover begins")
        .into_inner();
    ((started.challenge_id, started.nonce), of(other))
}

async fn hold_leases(office: &Office) {
    sqlx::raw_sql(
        "update print_request set lease_expires_at = clock_timestamp() + interval '1 day'
         where state in ('LEASED', 'BOUND')",
    )
    .execute(&office.sql)
    .await
    .expect("leases can be prolonged");
}

async fn waiting_request(terminal: &mut Client) -> String {
    let request = proto::ListPrintRequestsRequest {
        state: proto::PrintRequestState::Queued.into(),
        ..proto::ListPrintRequestsRequest::default()
    };
    let page = terminal
        .print_queue
        .list_print_requests(request)
        .await
        .expect("a page")
        .into_inner();
    let entry = page.print_requests[0].entry.as_ref().expect("an entry");
    entry.print_request_id.clone()
}
