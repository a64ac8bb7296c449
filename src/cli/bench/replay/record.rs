//! Some work of every client, done piece by piece through a tapped line: what the server sent for each act.
//!
//! An act's transaction is found by its request id, which only the client chose. What is easily got wrong: at the first use
//! of a statement the session also prepares it and asks for its types, so only the pieces that cost the fewest round trips
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
    super::home::Home,
    messages::Value,
    tap::{Session, Statement, Tap},
};
use crate::cli::Failure;

/// What the first client does before, so that the sessions of the pool know the statements.
pub const WARM_UP: usize = 12;
/// What each client does to be recorded.
pub const RECORDED: usize = 9;
/// What is taken of each client: a value that is the same in all of them is a constant.
const TAKEN: usize = 3;

/// A piece of a client's work: a card from its lease to its report, a shipment from its dispatch to its receipt.
pub struct Acted {
    pub chosen: Vec<Chosen>,
    /// What each act is called, and its request id.
    pub acts: Vec<(&'static str, Uuid)>,
}

/// A value that the client chose, and the SQL by which its replay chooses its own.
#[derive(Debug)]
pub struct Chosen {
    pub sql: String,
    pub value: String,
}

/// What was recorded of one client.
#[derive(Debug)]
pub struct Recording {
    pub samples: Vec<Sample>,
    /// The settings of the session that sent it.
    pub options: String,
}

/// One piece of work: what its client chose, and what the server sent.
#[derive(Debug)]
pub struct Sample {
    pub chosen: Vec<Chosen>,
    pub acts: Vec<Act>,
}

/// One act of it.
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

/// What the tap noted of every client's work.
pub async fn recordings(
    home: &Home,
    tap: &Tap,
    clients: Vec<Vec<Acted>>,
) -> Result<Vec<Recording>, Failure> {
    let mut db = home.owner().connect().await?;
    let sessions: Vec<Session> = std::mem::take(&mut tap.sessions());
    let mut recordings = Vec::new();
    for acted in clients {
        let mut samples = Vec::new();
        let mut options = String::new();
        for piece in cheapest(&sessions, acted)? {
            let first = piece.acts.first().and_then(|(_, id)| find(&sessions, *id));
            options = first.map_or_else(String::new, |(session, _, _)| session.options.clone());
            samples.push(tell(&mut db, &sessions, piece).await?);
        }
        recordings.push(Recording { samples, options });
    }
    Ok(recordings)
}

/// The fewest waits of any recorded act of a kind, inside of its transaction or beside it.
pub fn fewest_waits(recordings: &[Recording], kind: &str, of: impl Fn(&Act) -> &[Told]) -> usize {
    let samples = recordings.iter().flat_map(|recording| &recording.samples);
    let acts = samples.flat_map(|sample| &sample.acts);
    acts.filter(|act| act.kind == kind)
        .map(|act| of(act).iter().map(|told| told.round_trips).sum())
        .min()
        .unwrap_or_default()
}

/// The pieces for which the server waited for the database least often.
fn cheapest(sessions: &[Session], acted: Vec<Acted>) -> Result<Vec<Acted>, Failure> {
    let mut priced = Vec::new();
    for piece in acted {
        let mut price = 0;
        for (kind, id) in &piece.acts {
            let (_, inside, _) = find(sessions, *id).ok_or_else(|| unseen(kind))?;
            price += inside.iter().map(|s| s.round_trips).sum::<usize>();
        }
        priced.push((price, piece));
    }
    priced.sort_by_key(|(price, _)| *price);
    Ok(priced
        .into_iter()
        .map(|(_, piece)| piece)
        .take(TAKEN)
        .collect())
}

fn unseen(kind: &str) -> Failure {
    Failure::Call(format!("a {kind} was not seen in any session"))
}

async fn tell(
    db: &mut PgConnection,
    sessions: &[Session],
    piece: Acted,
) -> Result<Sample, Failure> {
    let mut acts = Vec::new();
    for (kind, id) in piece.acts {
        let (_, inside, beside) = find(sessions, id).ok_or_else(|| unseen(kind))?;
        acts.push(Act {
            kind,
            request_id: id.to_string(),
            statements: tell_all(db, inside).await?,
            beside: tell_all(db, beside).await?,
        });
    }
    Ok(Sample {
        chosen: piece.chosen,
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
