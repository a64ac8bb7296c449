//! What is read of the ledger of custody. The table itself is out of the server's reach: functions show the stretches that
//! are within the caller's scope (migrations/0014_doors.sql).

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, PrintRequestId, Serial},
    inventory::{
        Account, Blank, CustodyState, Location, Movement, MovementKind, MovementName, Spoilage,
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

/// A serial's whole life: where it is, and its movements, oldest first; nothing if it was never registered or is outside the
/// scope. One question, because it is asked while somebody holds the blank in the hand.
#[tracing::instrument(name = "sql.life_of", skip_all)]
pub async fn life_of(
    db: &mut PgConnection,
    serial: Serial,
    scope: Option<District>,
) -> Result<Option<(Blank, Vec<Movement>)>> {
    // In the order of writing: the business clock may read the same for two movements. Nothing is known of the nulls of a
    // function; the others' columns are none in the table.
    let rows = sqlx::query!(
        r#"
        select l.location as "at!", l.state as "at_state!: CustodyState", l.print_request_id,
            l.spoilage as "spoilage: Spoilage", (l.moved).location as "location!", (l.moved).number as "number!",
            (l.moved).kind as "kind!: MovementKind", lower((l.moved).serials) as "first!",
            upper((l.moved).serials) - 1 as "last!", (l.moved).from_location,
            (l.moved).from_state as "from_state: CustodyState", (l.moved).to_location as "to_location!",
            (l.moved).to_state as "to_state!: CustodyState", (l.moved).document_number as "document_number!",
            (l.moved).shipment_id, (l.moved).given_by, (l.moved).taken_by, (l.moved).request_id as "request_id!",
            (l.moved).reverses_location, (l.moved).reverses_number, (l.moved).moved_at as "moved_at!"
        from life_of_serial($1, $2) as l
        where $3::integer is null or district_of_location(l.location) = $3
        order by (l.moved).recorded_at, (l.moved).location, (l.moved).number
        "#,
        serial.number(),
        MOVEMENTS_MAX,
        scope.map(District::number),
    )
    .fetch_all(db)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let blank = Blank {
        account: Account {
            location: location("custody", first.at)?,
            state: first.at_state,
        },
        print_request_id: first.print_request_id.map(PrintRequestId::from),
        spoilage: first.spoilage,
    };
    let rows = rows.into_iter().map(|row| Row {
        location: row.location,
        number: row.number,
        kind: row.kind,
        first: row.first,
        last: row.last,
        from_location: row.from_location,
        from_state: row.from_state,
        to_location: row.to_location,
        to_state: row.to_state,
        document_number: row.document_number,
        shipment_id: row.shipment_id,
        given_by: row.given_by,
        taken_by: row.taken_by,
        request_id: row.request_id,
        reverses_location: row.reverses_location,
        reverses_number: row.reverses_number,
        moved_at: row.moved_at,
    });
    Ok(Some((blank, movements(rows.collect())?)))
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
