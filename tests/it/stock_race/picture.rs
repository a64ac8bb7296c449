//! What lies where at one moment, which is what the fifty go by; read in the snapshot in which the laws are held against it.

use ektp::{inventory::Location, proto::SerialRange};
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;
use uuid::Uuid;

use super::laws::{LAWS, SEEN_BY_CONSTRAINT};

/// Mistakes of the last seconds that somebody might take back.
const MISTAKES: &str = "select location, number, upper(serials) - lower(serials) from movement
    where kind in ('SPOILED', 'RETURNED') order by recorded_at desc limit 40";

/// What lies somewhere as something.
pub struct Held {
    pub place: String,
    pub state: String,
    pub run: SerialRange,
}

/// A shipment under way.
pub struct Sent {
    pub id: String,
    pub origin: String,
    pub destination: String,
    pub serials: Vec<SerialRange>,
}

/// A case that is open.
pub struct Case {
    pub id: String,
    pub place: String,
    pub counterpart: String,
    pub open: Vec<SerialRange>,
    pub in_dispute: bool,
    pub is_of_shipment: bool,
}

/// A movement that could be taken back.
pub struct Mistake {
    pub place: String,
    pub number: u64,
    pub quantity: i64,
}

/// All of one moment.
pub struct Picture {
    /// Before the snapshot was taken.
    pub begun: Instant,
    pub held: Vec<Held>,
    pub under_way: Vec<Sent>,
    pub cases: Vec<Case>,
    pub mistakes: Vec<Mistake>,
}

impl Picture {
    /// Before anybody has looked.
    pub fn empty() -> Self {
        Self {
            begun: Instant::now(),
            held: Vec::new(),
            under_way: Vec::new(),
            cases: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// The runs of a place in some states, in rising order.
    pub fn runs(&self, place: &str, states: &[&str]) -> Vec<SerialRange> {
        let held = self.held.iter();
        held.filter(|held| held.place == place && states.contains(&held.state.as_str()))
            .map(|held| held.run)
            .collect()
    }
}

/// One snapshot: the breaches of the laws in it, and what lies where.
pub async fn look_once(db: &mut PgConnection) -> Result<(Picture, Vec<String>), sqlx::Error> {
    let begun = Instant::now();
    let mut tx = db
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let mut breaches: Vec<String> = sqlx::query_scalar(LAWS).fetch_all(&mut *tx).await?;
    let picture = Picture {
        begun,
        held: held(&mut tx).await?,
        under_way: under_way(&mut tx).await?,
        cases: cases(&mut tx).await?,
        mistakes: mistakes(&mut tx).await?,
    };
    sqlx::raw_sql("set local enable_seqscan = off")
        .execute(&mut *tx)
        .await?;
    let seen: i64 = sqlx::query_scalar(SEEN_BY_CONSTRAINT)
        .fetch_one(&mut *tx)
        .await?;
    if seen != picture.held.len() as i64 {
        let rows = picture.held.len();
        breaches.push(format!("the constraint sees {seen} of {rows} rows"));
    }
    tx.commit().await?;
    Ok((picture, breaches))
}

fn name(location: i32) -> String {
    let location = Location::from_number(location).expect("a location");
    location.to_string()
}

fn runs(firsts: Vec<i64>, lasts: Vec<i64>) -> Vec<SerialRange> {
    let ends = firsts.into_iter().zip(lasts);
    ends.map(|(first, last)| SerialRange { first, last })
        .collect()
}

async fn held(db: &mut PgConnection) -> Result<Vec<Held>, sqlx::Error> {
    let rows: Vec<(i32, String, i64, i64)> = sqlx::query_as(
        "select location, state, lower(serials), upper(serials) - 1 from custody order by serials",
    )
    .fetch_all(db)
    .await?;
    let row = |(location, state, first, last)| Held {
        place: name(location),
        state,
        run: SerialRange { first, last },
    };
    Ok(rows.into_iter().map(row).collect())
}

/// A shipment as its row has it.
#[derive(sqlx::FromRow)]
struct SentRow {
    shipment_id: Uuid,
    origin: i32,
    destination: i32,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
}

async fn under_way(db: &mut PgConnection) -> Result<Vec<Sent>, sqlx::Error> {
    let rows: Vec<SentRow> = sqlx::query_as(
        "select shipment_id, origin, destination,
            array(select lower(r) from unnest(serials) as r order by r) as firsts,
            array(select upper(r) - 1 from unnest(serials) as r order by r) as lasts
         from shipment where state = 'DISPATCHED' order by dispatched_at",
    )
    .fetch_all(db)
    .await?;
    let row = |row: SentRow| Sent {
        id: row.shipment_id.to_string(),
        origin: name(row.origin),
        destination: name(row.destination),
        serials: runs(row.firsts, row.lasts),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// A case as its row has it.
#[derive(sqlx::FromRow)]
struct CaseRow {
    case_id: Uuid,
    location: i32,
    counterpart: i32,
    in_dispute: bool,
    is_of_shipment: bool,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
}

async fn cases(db: &mut PgConnection) -> Result<Vec<Case>, sqlx::Error> {
    let rows: Vec<CaseRow> = sqlx::query_as(
        "select case_id, location, counterpart, in_dispute, shipment_id is not null as is_of_shipment,
            array(select lower(r) from unnest(open_serials) as r order by r) as firsts,
            array(select upper(r) - 1 from unnest(open_serials) as r order by r) as lasts
         from stock_case where open_serials <> '{}' order by opened_at",
    )
    .fetch_all(db)
    .await?;
    let row = |row: CaseRow| Case {
        id: row.case_id.to_string(),
        place: name(row.location),
        counterpart: name(row.counterpart),
        open: runs(row.firsts, row.lasts),
        in_dispute: row.in_dispute,
        is_of_shipment: row.is_of_shipment,
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn mistakes(db: &mut PgConnection) -> Result<Vec<Mistake>, sqlx::Error> {
    let rows: Vec<(i32, i64, i64)> = sqlx::query_as(MISTAKES).fetch_all(db).await?;
    let row = |(location, number, quantity): (i32, i64, i64)| Mistake {
        place: name(location),
        number: number.unsigned_abs(),
        quantity,
    };
    Ok(rows.into_iter().map(row).collect())
}
