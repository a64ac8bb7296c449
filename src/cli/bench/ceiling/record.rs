//! Some cards of every printer, printed one after the other through a tapped line: what the server sent for each act.
//!
//! An act's transaction is found by its request id, which only the printer chose. What is easily got wrong: at the first use
//! of a statement the session also prepares it and asks for its types, so only the cards that cost the fewest round trips
//! are taken.

use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, Postgres,
    Row as _, Type,
    encode::{Encode, IsNull},
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, types::Oid},
};
use uuid::Uuid;

use super::{
    super::{
        office::Office,
        printer::{ACTS, Printer, chip, refused},
    },
    messages::Value,
    tap::{Session, Statement, Tap},
};
use crate::cli::Failure;

/// Cards printed before, so that the sessions of the pool know the statements.
const WARM_UP: usize = 12;
/// Cards printed by each printer.
const PRINTED: usize = 9;
/// Cards taken of each printer: what is the same in all of them is a constant.
const CARDS: usize = 3;

/// What was recorded of one printer.
#[derive(Debug)]
pub struct Recording {
    pub cards: Vec<Card>,
    /// The settings of the session that sent it.
    pub options: String,
}

/// One card: what its printer chose, and what the server sent.
#[derive(Debug)]
pub struct Card {
    pub serial: i64,
    pub chip: String,
    pub acts: Vec<Act>,
}

/// One act of a card.
#[derive(Debug)]
pub struct Act {
    pub kind: &'static str,
    pub request_id: String,
    /// From BEGIN to COMMIT.
    pub statements: Vec<Told>,
    /// What the session sent between this commit and its next transaction.
    pub beside: Vec<Told>,
}

/// A statement with its values as text.
#[derive(Debug, Clone)]
pub struct Told {
    pub sql: String,
    pub is_simple: bool,
    pub parameters: Vec<Parameter>,
    /// Of a statement that answered one row: each column's name and value.
    pub row: Vec<(String, Option<String>)>,
    pub round_trips: usize,
}

/// A parameter with its type's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub of: String,
    pub value: Option<String>,
}

/// Records every printer.
pub async fn record(office: &Office) -> Result<Vec<Recording>, Failure> {
    let serving = office.home().serving();
    let tap = Tap::open(office.home().folder(), &serving)?;
    let server = office.serve(tap.options(&serving)).await?;
    let printed = print(office.printers(&server)?).await;
    server.drain().await;
    let printed = printed?;
    let mut db = office.home().owner().connect().await?;
    let sessions: Vec<Session> = std::mem::take(&mut tap.sessions());
    let mut recordings = Vec::new();
    for cards in printed {
        let mut told = Vec::new();
        let mut options = String::new();
        for card in cheapest(&sessions, cards)? {
            let session = find(&sessions, card.ids[0]).map(|(session, _, _)| session);
            options = session.map_or_else(String::new, |session| session.options.clone());
            told.push(tell(&mut db, &sessions, card).await?);
        }
        recordings.push(Recording {
            cards: told,
            options,
        });
    }
    Ok(recordings)
}

/// The cards for which the server waited for the database least often.
fn cheapest(sessions: &[Session], cards: Vec<Printed>) -> Result<Vec<Printed>, Failure> {
    let mut priced = Vec::new();
    for card in cards {
        let mut price = 0;
        for (kind, id) in ACTS.into_iter().zip(card.ids) {
            let (_, inside, _) = find(sessions, id).ok_or_else(|| unseen(kind))?;
            price += inside.iter().map(|s| s.round_trips).sum::<usize>();
        }
        priced.push((price, card));
    }
    priced.sort_by_key(|(price, _)| *price);
    Ok(priced
        .into_iter()
        .map(|(_, card)| card)
        .take(CARDS)
        .collect())
}

fn unseen(kind: &str) -> Failure {
    Failure::Call(format!("the {kind} of a card was not seen in any session"))
}

/// A card, its request ids and its chip.
struct Printed {
    serial: i64,
    chip: String,
    ids: [Uuid; 3],
}

async fn print(printers: Vec<Printer>) -> Result<Vec<Vec<Printed>>, Failure> {
    let mut all = Vec::new();
    for (place, mut printer) in printers.into_iter().enumerate() {
        let before = if place == 0 { WARM_UP } else { 0 };
        let mut cards = Vec::new();
        for number in 0..before + PRINTED {
            let card = print_one(&mut printer).await?;
            if number >= before {
                cards.push(card);
            }
        }
        all.push(cards);
    }
    Ok(all)
}

async fn print_one(printer: &mut Printer) -> Result<Printed, Failure> {
    let ids = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let leases = printer.lease(ids[0], 1).await.map_err(refused)?;
    let held = printer.take_blanks(leases);
    let Some((_, serial)) = held.first() else {
        return Err(Failure::Call(
            "the queue was empty while acts were recorded".to_owned(),
        ));
    };
    printer.bind(ids[1], &held).await.map_err(refused)?;
    printer.report(ids[2], &held).await.map_err(refused)?;
    Ok(Printed {
        serial: *serial,
        chip: chip(printer.district, *serial),
        ids,
    })
}

async fn tell(
    db: &mut PgConnection,
    sessions: &[Session],
    printed: Printed,
) -> Result<Card, Failure> {
    let mut acts = Vec::new();
    for (kind, id) in ACTS.into_iter().zip(printed.ids) {
        let (_, inside, beside) = find(sessions, id).ok_or_else(|| unseen(kind))?;
        acts.push(Act {
            kind,
            request_id: id.to_string(),
            statements: tell_all(db, inside).await?,
            beside: tell_all(db, beside).await?,
        });
    }
    Ok(Card {
        serial: printed.serial,
        chip: printed.chip,
        acts,
    })
}

/// The transaction that names a request id with its session, and what follows it outside of any.
fn find(sessions: &[Session], id: Uuid) -> Option<(&Session, &[Statement], &[Statement])> {
    let names = |statement: &Statement| {
        let value = statement.values.iter().flatten();
        value
            .into_iter()
            .any(|bytes| bytes.windows(16).any(|part| part == id.as_bytes()))
    };
    sessions.iter().find_map(|session| {
        let all = &session.statements;
        let at = all.iter().position(names)?;
        let begin = all[..at].iter().rposition(|s| is(s, "begin"))?;
        let end = at + all[at..].iter().position(|s| is(s, "commit"))? + 1;
        let next = all[end..].iter().position(|s| is(s, "begin"));
        let next = next.map_or(all.len(), |next| end + next);
        Some((session, &all[begin..end], &all[end..next]))
    })
}

fn is(statement: &Statement, word: &str) -> bool {
    let sql = statement.sql.trim_start();
    sql.get(..word.len())
        .is_some_and(|first| first.eq_ignore_ascii_case(word))
}

async fn tell_all(db: &mut PgConnection, statements: &[Statement]) -> Result<Vec<Told>, Failure> {
    let mut all = Vec::new();
    for statement in statements {
        let mut parameters = Vec::new();
        for (of, value) in statement.types.iter().zip(&statement.values) {
            let name = type_name(db, *of).await?;
            let value = text(db, (*of, &name), value).await?;
            parameters.push(Parameter { of: name, value });
        }
        let mut row = Vec::new();
        if let [only] = &statement.rows[..] {
            for ((name, of), value) in statement.columns.iter().zip(only) {
                let type_name = type_name(db, *of).await?;
                row.push((name.clone(), text(db, (*of, &type_name), value).await?));
            }
        }
        all.push(Told {
            sql: statement.sql.clone(),
            is_simple: statement.is_simple,
            parameters,
            row,
            round_trips: statement.round_trips,
        });
    }
    Ok(all)
}

async fn type_name(db: &mut PgConnection, oid: u32) -> Result<String, Failure> {
    let name = format!("select {oid}::oid::regtype::text");
    Ok(db.fetch_one(AssertSqlSafe(name)).await?.try_get(0)?)
}

/// The database itself says a value's text: no type has to be known here.
async fn text(
    db: &mut PgConnection,
    (oid, name): (u32, &str),
    value: &Value,
) -> Result<Option<String>, Failure> {
    let mut arguments = PgArguments::default();
    let value = Binary {
        of: PgTypeInfo::with_oid(Oid(oid)),
        bytes: value.clone(),
    };
    arguments
        .add(value)
        .map_err(|error| Failure::Call(error.to_string()))?;
    let ask = AssertSqlSafe(format!("select $1::{name}::text"));
    Ok(db.fetch_one((ask, Some(arguments))).await?.try_get(0)?)
}

/// A value in binary form, whatever its type.
struct Binary {
    of: PgTypeInfo,
    bytes: Value,
}

impl Type<Postgres> for Binary {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("text")
    }
}

impl Encode<'_, Postgres> for Binary {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(bytes) = &self.bytes else {
            return Ok(IsNull::Yes);
        };
        buffer.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.of.clone())
    }
}
