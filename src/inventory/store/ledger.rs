//! What is read of the ledger of custody. The table itself is out of the server's reach: functions show the stretches that
//! are within the caller's scope (migrations/0014_doors.sql).

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::Serial,
    inventory::{
        Account, CustodyState, Location, Movement, MovementKind, MovementName,
        store::{location, range},
    },
};

/// A blank's life has eight movements; the limit bounds a message, not a life.
const MOVEMENTS_MAX: i64 = 100;

/// A movement as its row says it.
struct Row {
    location: i32,
    number: i64,
    kind: MovementKind,
    first: i64,
    last: i64,
    from_location: Option<i32>,
    from_state: Option<CustodyState>,
    to_location: i32,
    to_state: CustodyState,
    document_number: String,
    shipment_id: Option<Uuid>,
    given_by: Option<Uuid>,
    taken_by: Option<Uuid>,
    request_id: Uuid,
    reverses_location: Option<i32>,
    reverses_number: Option<i64>,
    moved_at: OffsetDateTime,
}

impl TryFrom<Row> for Movement {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let at = |number| location("movement", number);
        let from = match row.from_location.zip(row.from_state) {
            Some((number, state)) => Some(Account {
                location: at(number)?,
                state,
            }),
            None => None,
        };
        let reverses = match row.reverses_location.zip(row.reverses_number) {
            Some((place, number)) => Some(MovementName {
                location: at(place)?,
                number,
            }),
            None => None,
        };
        Ok(Self {
            kind: row.kind,
            location: at(row.location)?,
            number: row.number,
            serials: range("movement", row.first, row.last)?,
            from,
            to: Account {
                location: at(row.to_location)?,
                state: row.to_state,
            },
            document_number: row.document_number,
            moved_at: row.moved_at,
            given_by: row.given_by.map(Into::into),
            taken_by: row.taken_by.map(Into::into),
            shipment_id: row.shipment_id.map(Into::into),
            request_id: row.request_id.into(),
            reverses,
        })
    }
}

fn movements(rows: Vec<Row>) -> Result<Vec<Movement>> {
    rows.into_iter().map(Movement::try_from).collect()
}

/// The serial's movements, oldest first.
#[tracing::instrument(name = "sql.list_movements", skip_all)]
pub async fn list_movements(db: &mut PgConnection, serial: Serial) -> Result<Vec<Movement>> {
    // In the order of writing: the business clock may read the same for two movements. Nothing is known of the nulls of a
    // function; the others' columns are none in the table.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select location as "location!", number as "number!", kind as "kind!: MovementKind", lower(serials) as "first!",
            upper(serials) - 1 as "last!", from_location, from_state as "from_state: CustodyState",
            to_location as "to_location!", to_state as "to_state!: CustodyState", document_number as "document_number!",
            shipment_id, given_by, taken_by, request_id as "request_id!", reverses_location, reverses_number,
            moved_at as "moved_at!"
        from movements_of_serial($1, $2)
        "#,
        serial.number(),
        MOVEMENTS_MAX,
    )
    .fetch_all(db)
    .await?;
    movements(rows)
}

/// A stretch of a location's ledger, behind the number `after`.
#[tracing::instrument(name = "sql.movements_of", skip_all)]
pub async fn movements_of(
    db: &mut PgConnection,
    at: Location,
    after: i64,
    kind: Option<MovementKind>,
    limit: i64,
) -> Result<Vec<Movement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select location as "location!", number as "number!", kind as "kind!: MovementKind", lower(serials) as "first!",
            upper(serials) - 1 as "last!", from_location, from_state as "from_state: CustodyState",
            to_location as "to_location!", to_state as "to_state!: CustodyState", document_number as "document_number!",
            shipment_id, given_by, taken_by, request_id as "request_id!", reverses_location, reverses_number,
            moved_at as "moved_at!"
        from movements_of_location($1, $2, $3, $4)
        "#,
        at.number(),
        after,
        kind as Option<MovementKind>,
        limit,
    )
    .fetch_all(db)
    .await?;
    movements(rows)
}

/// One movement by its name.
#[tracing::instrument(name = "sql.find_movement", skip_all)]
pub async fn find_movement(db: &mut PgConnection, name: MovementName) -> Result<Option<Movement>> {
    let found = movements_of(db, name.location, name.number - 1, None, 1).await?;
    Ok(found.into_iter().find(|moved| moved.number == name.number))
}

/// What happened to a movement's serials since, oldest first.
#[tracing::instrument(name = "sql.movements_since", skip_all)]
pub async fn movements_since(
    db: &mut PgConnection,
    name: MovementName,
    limit: i64,
) -> Result<Vec<Movement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select location as "location!", number as "number!", kind as "kind!: MovementKind", lower(serials) as "first!",
            upper(serials) - 1 as "last!", from_location, from_state as "from_state: CustodyState",
            to_location as "to_location!", to_state as "to_state!: CustodyState", document_number as "document_number!",
            shipment_id, given_by, taken_by, request_id as "request_id!", reverses_location, reverses_number,
            moved_at as "moved_at!"
        from movements_since($1, $2, $3)
        "#,
        name.location.number(),
        name.number,
        limit,
    )
    .fetch_all(db)
    .await?;
    movements(rows)
}
