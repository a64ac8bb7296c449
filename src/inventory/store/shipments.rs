//! Deliveries and shipments: the documents whose few rows tell what ever came in and what was sent on.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, OfficerId, SerialRange, ShipmentId},
    inventory::{
        Direction, Location, Movement, Shipment, ShipmentState, Signature,
        store::{ends, location, runs},
    },
};

/// A terminal is shown so many shipments on their way; a district has one or two.
const DUE_IN_MAX: i64 = 100;

/// Notes what the maker delivered, under its first movement.
#[tracing::instrument(name = "sql.insert_delivery", skip_all)]
pub async fn insert_delivery(db: &mut PgConnection, first: &Movement, quantity: i64) -> Result<()> {
    sqlx::query!(
        r#"
        insert into delivery (location, movement, document_number, quantity, delivered_at)
        values ($1, $2, $3, $4, $5)
        "#,
        first.location.number(),
        first.number,
        first.document_number,
        quantity,
        first.moved_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes a shipment that is under way now.
#[tracing::instrument(name = "sql.insert_shipment", skip_all)]
pub async fn insert_shipment(db: &mut PgConnection, shipment: &Shipment) -> Result<()> {
    let (firsts, lasts) = ends(&shipment.serials);
    sqlx::query!(
        r#"
        insert into shipment (
            shipment_id, district, origin, destination, state, document_number, serials, dispatched_quantity, dispatched_at,
            dispatched_by, dispatcher_person, blank_request_id
        )
        select $1, $2, $3, $4, $5, $6, range_agg(int8range(r.first, r.last, '[]')), $7, $8, $9, $10, $13
        from unnest($11::bigint[], $12::bigint[]) as r (first, last)
        "#,
        shipment.shipment_id.uuid(),
        shipment.destination.district().number(),
        shipment.origin.number(),
        shipment.destination.number(),
        shipment.state as ShipmentState,
        shipment.document_number,
        shipment.dispatched_quantity,
        shipment.dispatched_at,
        shipment.dispatched_by.officer.uuid(),
        shipment.dispatched_by.person.uuid(),
        &firsts,
        &lasts,
        shipment.blank_request_id.map(|id| id.uuid()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A shipment to or from this office, locked; a foreign one is as absent as a missing one.
#[tracing::instrument(name = "sql.lock_shipment", skip_all)]
pub async fn lock_shipment(
    db: &mut PgConnection,
    id: ShipmentId,
    office: District,
) -> Result<Option<Shipment>> {
    // An array of a subquery is never null.
    let row = sqlx::query_as!(
        Row,
        r#"
        select shipment_id, origin, destination, state as "state: ShipmentState", document_number,
            array(select lower(r) from unnest(serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(serials) as r order by r) as "lasts!",
            dispatched_quantity, received_quantity, surplus_quantity, dispatched_at, dispatched_by, dispatcher_person, ended_at,
            ended_by, blank_request_id
        from shipment
        where shipment_id = $1 and (district = $2 or district_of_location(origin) = $2)
        for no key update
        "#,
        id.uuid(),
        office.number(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Shipment::try_from).transpose()
}

/// Notes how it ended: who received it under which record, or who took it back.
#[tracing::instrument(name = "sql.save_end_of_shipment", skip_all)]
pub async fn save_end(
    db: &mut PgConnection,
    shipment: &Shipment,
    by: Signature,
    record: &str,
) -> Result<()> {
    let receiver = match shipment.state {
        ShipmentState::Received | ShipmentState::ReceivedWithDifferences => Some(by.person),
        ShipmentState::Dispatched | ShipmentState::Cancelled => None,
    };
    let saved = sqlx::query!(
        r#"
        update shipment
        set state = $2, received_quantity = $3, surplus_quantity = $4, ended_at = $5, receipt_number = $6, ended_by = $7,
            receiver_person = $8
        where shipment_id = $1 and state = 'DISPATCHED'
        "#,
        shipment.shipment_id.uuid(),
        shipment.state as ShipmentState,
        shipment.received_quantity,
        shipment.surplus_quantity,
        shipment.ended_at,
        record,
        by.officer.uuid(),
        receiver.map(|id| id.uuid()),
    )
    .execute(db)
    .await?;
    if saved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(Error::internal(
            "a locked shipment was ended by somebody else",
        ))
    }
}

/// Of what was found in a shipment's boxes, the runs that its sender's books still have in stock.
#[tracing::instrument(name = "sql.in_stock_of_sender", skip_all)]
pub async fn in_stock_of_sender(
    db: &mut PgConnection,
    id: ShipmentId,
    found: &[SerialRange],
) -> Result<Vec<SerialRange>> {
    // Nearly every shipment holds what its list says; that costs no question.
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let (firsts, lasts) = ends(found);
    // Neither column of the function is ever null.
    let rows = sqlx::query!(
        r#"select first as "first!", last as "last!" from in_stock_of_sender($1, $2, $3)"#,
        id.uuid(),
        &firsts,
        &lasts,
    )
    .fetch_all(db)
    .await?;
    let (firsts, lasts): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (row.first, row.last)).unzip();
    runs("custody", &firsts, &lasts)
}

/// What is on its way to a location, oldest first.
#[tracing::instrument(name = "sql.list_due_in", skip_all)]
pub async fn list_due_in(db: &mut PgConnection, to: Location) -> Result<Vec<Shipment>> {
    // An array of a subquery is never null.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select shipment_id, origin, destination, state as "state: ShipmentState", document_number,
            array(select lower(r) from unnest(serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(serials) as r order by r) as "lasts!",
            dispatched_quantity, received_quantity, surplus_quantity, dispatched_at, dispatched_by, dispatcher_person, ended_at,
            ended_by, blank_request_id
        from shipment
        where destination = $1 and state = 'DISPATCHED'
        order by dispatched_at, shipment_id
        limit $2
        "#,
        to.number(),
        DUE_IN_MAX,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Shipment::try_from).collect()
}

/// What a list of shipments shows.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// To or from this office.
    pub office: District,
    /// Only those that go this way.
    pub direction: Option<Direction>,
    /// Only those that stand there.
    pub state: Option<ShipmentState>,
}

/// An office's shipments, newest first, behind `after`.
#[tracing::instrument(name = "sql.list_shipments", skip_all)]
pub async fn list_shipments(
    db: &mut PgConnection,
    listed: Listed,
    after: Option<ShipmentId>,
    limit: i64,
) -> Result<Vec<Shipment>> {
    // Ids are made in the order of time. The office's places stand in an array, so that their indexes lead to the few
    // shipments. An array of a subquery is never null.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select shipment_id, origin, destination, state as "state: ShipmentState", document_number,
            array(select lower(r) from unnest(serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(serials) as r order by r) as "lasts!",
            dispatched_quantity, received_quantity, surplus_quantity, dispatched_at, dispatched_by, dispatcher_person, ended_at,
            ended_by, blank_request_id
        from shipment
        where (
                $2 and destination = any (array (select l.location from location as l where l.district = $1))
                or $3 and origin = any (array (select l.location from location as l where l.district = $1))
            )
            and ($4::text is null or state = $4) and ($5::uuid is null or shipment_id < $5)
        order by shipment_id desc
        limit $6
        "#,
        listed.office.number(),
        listed.direction != Some(Direction::Out),
        listed.direction != Some(Direction::In),
        listed.state as Option<ShipmentState>,
        after.map(|id| id.uuid()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Shipment::try_from).collect()
}

/// A shipment as its columns have it.
struct Row {
    shipment_id: Uuid,
    origin: i32,
    destination: i32,
    state: ShipmentState,
    document_number: String,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    dispatched_quantity: i64,
    received_quantity: i64,
    surplus_quantity: i64,
    dispatched_at: OffsetDateTime,
    dispatched_by: Uuid,
    dispatcher_person: Uuid,
    ended_at: Option<OffsetDateTime>,
    ended_by: Option<Uuid>,
    blank_request_id: Option<Uuid>,
}

impl TryFrom<Row> for Shipment {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            shipment_id: row.shipment_id.into(),
            origin: location("shipment", row.origin)?,
            destination: location("shipment", row.destination)?,
            state: row.state,
            document_number: row.document_number,
            serials: runs("shipment", &row.firsts, &row.lasts)?,
            dispatched_quantity: row.dispatched_quantity,
            received_quantity: row.received_quantity,
            surplus_quantity: row.surplus_quantity,
            dispatched_at: row.dispatched_at,
            dispatched_by: Signature {
                officer: row.dispatched_by.into(),
                person: row.dispatcher_person.into(),
            },
            ended_at: row.ended_at,
            ended_by: row.ended_by.map(OfficerId::from),
            blank_request_id: row.blank_request_id.map(Into::into),
        })
    }
}
