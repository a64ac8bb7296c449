//! Cases: the rows that own what nobody can explain.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{ApprovalId, District, OfficerId, StockCaseId, total},
    inventory::{
        CaseCursor, CaseKind, CustodyState, Location, OpenCase, Outcome, Settlement, StockCase,
        store::{ends, location, runs},
    },
};

/// A settlement with both signatures.
pub struct Settled<'a> {
    /// What was said.
    pub settlement: &'a Settlement,
    /// Under which approval.
    pub approval_id: ApprovalId,
    /// In whose charge they are again, if they never left the sender.
    pub returned_to: Option<Location>,
    /// Who said it, of which office.
    pub asked_by: (OfficerId, District),
    /// Who agreed, of which office.
    pub approved_by: (OfficerId, District),
    /// When.
    pub settled_at: OffsetDateTime,
}

/// Notes a case that is open from now on.
#[tracing::instrument(name = "sql.insert_case", skip_all)]
pub async fn insert_case(db: &mut PgConnection, case: &StockCase) -> Result<()> {
    let (firsts, lasts) = ends(&case.serials);
    sqlx::query!(
        r#"
        insert into stock_case (
            case_id, kind, district, counterpart, location, serials, open_serials, in_dispute, shipment_id, document_number,
            given_by, opened_by, opened_at, due_at, count_id, found_as
        )
        select $1, $2, $3, $4, $5, range_agg(int8range(r.first, r.last, '[]')), range_agg(int8range(r.first, r.last, '[]')),
            $6, $7, $8, $9, $10, $11, $12, $13, $14
        from unnest($15::bigint[], $16::bigint[]) as r (first, last)
        "#,
        case.case_id.uuid(),
        case.kind as CaseKind,
        case.location.district().number(),
        case.counterpart.number(),
        case.location.number(),
        case.in_dispute,
        case.shipment_id.map(|id| id.uuid()),
        case.document_number,
        case.given_by.map(|id| id.uuid()),
        case.opened_by.uuid(),
        case.opened_at,
        case.due_at,
        case.count_id.map(|id| id.uuid()),
        case.found_as as CustodyState,
        &firsts,
        &lasts,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A case as its row says it.
struct Row {
    case_id: Uuid,
    kind: CaseKind,
    counterpart: i32,
    location: i32,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    open_firsts: Vec<i64>,
    open_lasts: Vec<i64>,
    in_dispute: bool,
    found_as: CustodyState,
    shipment_id: Option<Uuid>,
    count_id: Option<Uuid>,
    document_number: String,
    given_by: Option<Uuid>,
    opened_by: Uuid,
    opened_at: OffsetDateTime,
    due_at: OffsetDateTime,
    origin: Option<i32>,
}

impl TryFrom<Row> for OpenCase {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let counterpart = District::from_number(row.counterpart)
            .map_err(|error| Error::corrupt("stock_case", error))?;
        let case = StockCase {
            case_id: row.case_id.into(),
            kind: row.kind,
            location: location("stock_case", row.location)?,
            counterpart,
            serials: runs("stock_case", &row.firsts, &row.lasts)?,
            open_serials: runs("stock_case", &row.open_firsts, &row.open_lasts)?,
            in_dispute: row.in_dispute,
            found_as: row.found_as,
            shipment_id: row.shipment_id.map(Into::into),
            count_id: row.count_id.map(Into::into),
            document_number: row.document_number,
            given_by: row.given_by.map(Into::into),
            opened_by: row.opened_by.into(),
            opened_at: row.opened_at,
            due_at: row.due_at,
        };
        let origin = row.origin.map(|number| location("shipment", number));
        Ok(Self {
            case,
            origin: origin.transpose()?,
        })
    }
}

/// A case of this office, or one in which it is the other office, locked; a foreign one is as absent as a missing one.
#[tracing::instrument(name = "sql.lock_case", skip_all)]
pub async fn lock_case(
    db: &mut PgConnection,
    id: StockCaseId,
    office: District,
) -> Result<Option<OpenCase>> {
    // An array of a subquery is never null.
    let row = sqlx::query_as!(
        Row,
        r#"
        select c.case_id, c.kind as "kind: CaseKind", c.counterpart, c.location,
            array(select lower(r) from unnest(c.serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(c.serials) as r order by r) as "lasts!",
            array(select lower(r) from unnest(c.open_serials) as r order by r) as "open_firsts!",
            array(select upper(r) - 1 from unnest(c.open_serials) as r order by r) as "open_lasts!",
            c.in_dispute, c.found_as as "found_as: CustodyState", c.shipment_id, c.count_id, c.document_number, c.given_by, c.opened_by, c.opened_at, c.due_at,
            (select s.origin from shipment as s where s.shipment_id = c.shipment_id) as origin
        from stock_case as c
        where c.case_id = $1 and (c.district = $2 or c.counterpart = $2)
        for no key update of c
        "#,
        id.uuid(),
        office.number(),
    )
    .fetch_optional(db)
    .await?;
    row.map(OpenCase::try_from).transpose()
}

/// Cases of one office, or of all: open ones first, and those that are due first at the front.
#[tracing::instrument(name = "sql.list_cases", skip_all)]
pub async fn list_cases(
    db: &mut PgConnection,
    scope: Option<District>,
    after: Option<CaseCursor>,
    limit: i64,
) -> Result<Vec<StockCase>> {
    // An array of a subquery is never null.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select c.case_id, c.kind as "kind: CaseKind", c.counterpart, c.location,
            array(select lower(r) from unnest(c.serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(c.serials) as r order by r) as "lasts!",
            array(select lower(r) from unnest(c.open_serials) as r order by r) as "open_firsts!",
            array(select upper(r) - 1 from unnest(c.open_serials) as r order by r) as "open_lasts!",
            c.in_dispute, c.found_as as "found_as: CustodyState", c.shipment_id, c.count_id, c.document_number, c.given_by, c.opened_by, c.opened_at, c.due_at,
            null::integer as origin
        from stock_case as c
        where ($1::integer is null or c.district = $1 or c.counterpart = $1)
            and (
                $2::boolean is null
                or (c.open_serials = '{}', c.due_at, c.case_id) > ($2, $3::timestamptz, $4::uuid)
            )
        order by c.open_serials = '{}', c.due_at, c.case_id
        limit $5
        "#,
        scope.map(District::number),
        after.map(|cursor| cursor.is_closed),
        after.map(|cursor| cursor.due_at),
        after.map(|cursor| cursor.case_id),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| OpenCase::try_from(row).map(|open| open.case))
        .collect()
}

/// Notes how serials left a locked case, and that they did; answers the settlement's number in the case.
#[tracing::instrument(name = "sql.insert_settlement", skip_all)]
pub async fn insert_settlement(
    db: &mut PgConnection,
    case: &StockCase,
    settled: &Settled<'_>,
) -> Result<i32> {
    let (firsts, lasts) = ends(&settled.settlement.serials);
    // Counted under the case's lock. The number is never null.
    let number = sqlx::query_scalar!(
        r#"
        with gone as (
            select range_agg(int8range(r.first, r.last, '[]')) as serials
            from unnest($1::bigint[], $2::bigint[]) as r (first, last)
        ), closed as (
            update stock_case as c set open_serials = c.open_serials - gone.serials from gone where c.case_id = $3
        )
        insert into stock_case_settlement (
            case_id, number, approval_id, location, district, counterpart, serials, quantity, outcome, returned_to,
            document_number, asked_by, asked_office, approved_by, approved_office, settled_at
        )
        select $3, 1 + (select count(*)::integer from stock_case_settlement as t where t.case_id = $3), $4, $5, $6, $7,
            gone.serials, $8, $9, $10, $11, $12, $13, $14, $15, $16
        from gone
        returning number
        "#,
        &firsts,
        &lasts,
        case.case_id.uuid(),
        settled.approval_id.uuid(),
        case.location.number(),
        case.location.district().number(),
        case.counterpart.number(),
        total(&settled.settlement.serials),
        settled.settlement.outcome as Outcome,
        settled.returned_to.map(Location::number),
        settled.settlement.document_number,
        settled.asked_by.0.uuid(),
        settled.asked_by.1.number(),
        settled.approved_by.0.uuid(),
        settled.approved_by.1.number(),
        settled.settled_at,
    )
    .fetch_one(db)
    .await?;
    Ok(number)
}
