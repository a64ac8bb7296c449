//! What a measured server that is a process of its own stands on: a database with full durability, people in the queue of
//! every district where they are wanted, and an authority that signs a certificate for each terminal.
//!
//! What is easily got wrong: the database is started here and not by the server. The server is killed in a storm, and a
//! private Postgres dies with whoever started it.

use std::path::PathBuf;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool, Row as _,
    postgres::PgPoolOptions,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    figures::Settings,
    home::Home,
    process::{LOG_WARNINGS, Start},
};
use crate::{
    areas,
    authority::{Authority, Identity},
    caller::{Caller, Principal},
    cli::{Failure, demo::progress::Phase, host},
    clock::Clock,
    ids::District,
};

/// One server with its pools, one that replaces it while the other's sessions die, and the bench's own.
const CONNECTIONS_MAX: u32 = 40;
/// The bench's own: one that seeds and one that asks how the database is.
const OWN_CONNECTIONS: u32 = 2;
/// Blanks of a district begin here times its place.
const SERIALS_APART: i64 = 100_000_000;
/// Longer than any run.
const CERTIFICATE_VALID: Duration = Duration::days(1);
/// So often the database is asked for its time; the fastest answer counts.
const CLOCK_TRIES: u32 = 20;

/// Where everything lies.
pub struct Ground {
    home: Home,
    /// The database, as its owner.
    pub owner: PgPool,
    authority: Authority,
    /// How the database keeps what it promises.
    pub settings: Settings,
}

/// A terminal's certificate, and the officer's shift on it.
pub struct OnShift {
    pub identity: Identity,
    pub shift: String,
}

impl Ground {
    /// In a private Postgres, or in a database of its own on the server at `url`.
    pub async fn open(url: Option<&str>) -> Result<Self, Failure> {
        let phase = Phase::begin("a database", 1);
        let home = Home::open(url, CONNECTIONS_MAX).await?;
        match Self::furnish(&home).await {
            Ok((owner, authority, settings)) => {
                phase.end(&settings.words());
                Ok(Self {
                    home,
                    owner,
                    authority,
                    settings,
                })
            }
            Err(failure) => {
                home.close().await?;
                Err(failure)
            }
        }
    }

    async fn furnish(home: &Home) -> Result<(PgPool, Authority, Settings), Failure> {
        let settings = Settings::durable(&home.serving()).await?;
        let owner = PgPoolOptions::new()
            .max_connections(OWN_CONNECTIONS)
            .connect_with(home.owner().clone().disable_statement_logging())
            .await?;
        Ok((owner, host::authority(&data(home))?, settings))
    }

    /// The database's place.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What the server is started with.
    pub fn start(&self) -> Start {
        Start {
            data: data(&self.home),
            database_url: self.home.serving().to_url_lossy().into(),
            log: self.home.folder().join("server.log"),
            log_options: &LOG_WARNINGS,
        }
    }

    /// People in the queues of these districts.
    pub async fn fill(&self, districts: &[District], people: u32) -> Result<(), Failure> {
        let phase = Phase::begin("queues", districts.len());
        let mut db = self.owner.acquire().await?;
        for (district, place) in districts.iter().zip(1_i64..) {
            fill(&mut db, *district, people, place * SERIALS_APART).await?;
            phase.advance(1);
        }
        db.execute("analyze").await?;
        let words = format!("{} districts, {people} people in each", districts.len());
        phase.end(&words);
        Ok(())
    }

    /// The certificate of a district's terminal.
    pub fn terminal(&self, district: District, number: u16) -> Result<Identity, Failure> {
        let principal = principal(district, number)?;
        let now = Clock::System.now();
        Ok(self
            .authority
            .terminal_identity(&principal, CERTIFICATE_VALID, now)?)
    }

    /// The same with an officer at work on it.
    pub async fn on_shift(&self, district: District, number: u16) -> Result<OnShift, Failure> {
        self.on_shift_as(&principal(district, number)?, district)
            .await
    }

    /// A caller of this office's with an officer at work on it, who prints, serves and keeps the store.
    pub async fn on_shift_as(
        &self,
        principal: &Principal,
        office: District,
    ) -> Result<OnShift, Failure> {
        let now = Clock::System.now();
        let identity = self
            .authority
            .terminal_identity(principal, CERTIFICATE_VALID, now)?;
        let shift = Uuid::new_v4();
        let mut db = self.owner.acquire().await?;
        let thumbprint = thumbprint(&identity)?;
        let begin = format!(
            "begin; set local bench.officer = '{}'; set local bench.shift = '{shift}'; set local bench.district = '{}';
             set local bench.terminal = '{principal}'; set local bench.thumbprint = '{thumbprint}'",
            Uuid::now_v7(),
            office.number(),
        );
        db.execute(AssertSqlSafe(begin)).await?;
        db.execute(include_str!("officer.sql")).await?;
        db.execute("commit").await?;
        Ok(OnShift {
            identity,
            shift: shift.to_string(),
        })
    }

    /// How far the database's clock is before ours; nothing but its own uncertainty on one machine.
    pub async fn clock_ahead(&self) -> Result<Duration, Failure> {
        let mut db = self.owner.acquire().await?;
        let mut best: Option<(Duration, Duration)> = None;
        for _ in 0..CLOCK_TRIES {
            let before = Clock::System.now();
            let row = db.fetch_one("select clock_timestamp()").await?;
            let there: OffsetDateTime = row.try_get(0)?;
            let took = Clock::System.now() - before;
            if best.is_none_or(|(fastest, _)| took < fastest) {
                best = Some((took, there - (before + took / 2)));
            }
        }
        Ok(best.map_or(Duration::ZERO, |(_, ahead)| ahead))
    }

    /// Leaves nothing behind.
    pub async fn close(self) -> Result<(), Failure> {
        self.owner.close().await;
        self.home.close().await
    }
}

/// The server's data folder; the authority lies in it.
fn data(home: &Home) -> PathBuf {
    home.folder().join("server")
}

async fn fill(
    db: &mut PgConnection,
    district: District,
    people: u32,
    first: i64,
) -> Result<(), Failure> {
    let number = district.number();
    // Every district has a first subdistrict, whatever its name.
    let subdistrict = number * 100 + 1;
    let begin = format!(
        "begin; set local bench.district = '{number}'; set local bench.subdistrict = '{subdistrict}';
         set local bench.people = '{people}'; set local bench.before = '0'; set local bench.blanks = '{people}';
         set local bench.serial = '{first}'"
    );
    db.execute(AssertSqlSafe(begin)).await?;
    db.execute(include_str!("seed.sql")).await?;
    db.execute(include_str!("blanks.sql")).await?;
    db.execute("commit").await?;
    Ok(())
}

fn principal(district: District, number: u16) -> Result<Principal, Failure> {
    Ok(format!("ektp://district/{district}/site/office/terminal/{number}").parse()?)
}

fn thumbprint(identity: &Identity) -> Result<String, Failure> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(identity.certificate_pem.as_bytes())
        .map_err(|error| Failure::Call(error.to_string()))?;
    let thumbprint = Caller::from_certificate(&pem.contents)
        .ok()
        .and_then(|caller| caller.certificate)
        .map(|certificate| certificate.thumbprint)
        .ok_or_else(|| Failure::Call("the certificate names nobody".to_owned()))?;
    Ok(crate::hex::encode(&thumbprint))
}

/// Districts of a run: the crowded one first.
pub fn districts(count: usize) -> Vec<District> {
    areas::districts().take(count).collect()
}
