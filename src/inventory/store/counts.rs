//! Counts: what was frozen when they began, and what the books say when they end.
//!
//! Whoever reads the books of an end holds the location's lock: nothing moves there while they are compared.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, SerialRange, StockCountId},
    inventory::{
        Books, CountState, Counting, CustodyState, Location, Lying, Sheet, Signature, StockCount,
        Tally, pieces,
        store::{ends, location, runs},
    },
};

/// Locks a location; answers the number of its last movement, or nothing if there is none in the scope.
#[tracing::instrument(name = "sql.lock_location", skip_all)]
pub async fn lock_location(db: &mut PgConnection, at: Location) -> Result<Option<i64>> {
    let movements = sqlx::query_scalar!(
        "select movements from location where location = $1 for no key update",
        at.number(),
    )
    .fetch_optional(db)
    .await?;
    Ok(movements)
}

/// Who counts a location now.
#[tracing::instrument(name = "sql.find_open_count", skip_all)]
pub async fn find_open_count(db: &mut PgConnection, at: Location) -> Result<Option<Counting>> {
    let row = sqlx::query!(
        "select count_id, starter_person from stock_count where location = $1 and state = 'OPEN'",
        at.number(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Counting {
        count_id: row.count_id.into(),
        location: at,
        person: row.starter_person.into(),
    }))
}

/// Notes a count that is open from now on, and what lies there by the books. The location must be locked.
#[tracing::instrument(name = "sql.insert_count", skip_all)]
pub async fn insert_count(db: &mut PgConnection, count: &StockCount) -> Result<()> {
    sqlx::query!(
        r#"
        insert into stock_count (
            count_id, district, location, state, pinned, in_stock, spoiled, returned, document_number, started_by,
            starter_person, started_at
        )
        select $1, $2, $3, $4, $5,
            coalesce(range_agg(c.serials) filter (where c.state = 'IN_STOCK'), '{}'),
            coalesce(range_agg(c.serials) filter (where c.state = 'SPOILED'), '{}'),
            coalesce(range_agg(c.serials) filter (where c.state = 'RETURNED'), '{}'),
            $6, $7, $8, $9
        from custody as c
        where c.location = $3 and c.state in ('IN_STOCK', 'SPOILED', 'RETURNED')
        "#,
        count.count_id.uuid(),
        count.location.district().number(),
        count.location.number(),
        count.state as CountState,
        count.pinned,
        count.document_number,
        count.started_by.officer.uuid(),
        count.started_by.person.uuid(),
        count.started_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A count of an office, locked, with all that it is about; a foreign one is as absent as a missing one.
#[tracing::instrument(name = "sql.lock_sheet", skip_all)]
pub async fn lock_sheet(
    db: &mut PgConnection,
    id: StockCountId,
    office: District,
) -> Result<Option<Sheet>> {
    // An array of a subquery is never null.
    let row = sqlx::query!(
        r#"
        select location, state as "state: CountState", pinned, document_number, started_by, starter_person, started_at,
            ended_at,
            array(select lower(r) from unnest(in_stock) as r order by r) as "in_stock_firsts!",
            array(select upper(r) - 1 from unnest(in_stock) as r order by r) as "in_stock_lasts!",
            array(select lower(r) from unnest(spoiled) as r order by r) as "spoiled_firsts!",
            array(select upper(r) - 1 from unnest(spoiled) as r order by r) as "spoiled_lasts!",
            array(select lower(r) from unnest(returned) as r order by r) as "returned_firsts!",
            array(select upper(r) - 1 from unnest(returned) as r order by r) as "returned_lasts!",
            array(select lower(r) from unnest(found) as r order by r) as "found_firsts!",
            array(select upper(r) - 1 from unnest(found) as r order by r) as "found_lasts!"
        from stock_count
        where count_id = $1 and district = $2
        for no key update
        "#,
        id.uuid(),
        office.number(),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let frozen = Lying {
        in_stock: runs("stock_count", &row.in_stock_firsts, &row.in_stock_lasts)?,
        spoiled: runs("stock_count", &row.spoiled_firsts, &row.spoiled_lasts)?,
        returned: runs("stock_count", &row.returned_firsts, &row.returned_lasts)?,
    };
    let count = StockCount {
        count_id: id,
        location: location("stock_count", row.location)?,
        state: row.state,
        pinned: row.pinned,
        document_number: row.document_number,
        started_by: Signature {
            officer: row.started_by.into(),
            person: row.starter_person.into(),
        },
        started_at: row.started_at,
        ended_at: row.ended_at,
        // Whoever locks a count is about to end it.
        tally: None,
    };
    Ok(Some(Sheet {
        count,
        frozen,
        found: runs("stock_count", &row.found_firsts, &row.found_lasts)?,
    }))
}

/// What the books say of a location that is locked, and what moved there since a movement.
#[tracing::instrument(name = "sql.books_of_location", skip_all)]
pub async fn books(db: &mut PgConnection, at: Location, pinned: i64) -> Result<Books> {
    // A range of the table is never null.
    let rows = sqlx::query!(
        r#"
        select lower(serials) as "first!", upper(serials) - 1 as "last!", state as "state: CustodyState"
        from custody
        where location = $1 and state in ('IN_STOCK', 'SPOILED', 'RETURNED', 'BOUND', 'AT_SITE', 'IN_TRANSIT')
        order by lower(serials)
        "#,
        at.number(),
    )
    .fetch_all(&mut *db)
    .await?;
    let mut books = Books::default();
    for row in rows {
        let account = match row.state {
            CustodyState::InStock => &mut books.lying.in_stock,
            CustodyState::Spoiled => &mut books.lying.spoiled,
            CustodyState::Returned => &mut books.lying.returned,
            CustodyState::Bound | CustodyState::AtSite | CustodyState::InTransit => {
                &mut books.beside
            }
            CustodyState::HandedOver
            | CustodyState::Disputed
            | CustodyState::Lost
            | CustodyState::Destroyed => {
                return Err(Error::internal("an account came that was not asked for"));
            }
        };
        let runs = pieces(row.first, row.last).map_err(|error| Error::corrupt("custody", error))?;
        account.extend(runs);
    }
    books.moved = moved_since(db, at, pinned).await?;
    Ok(books)
}

async fn moved_since(db: &mut PgConnection, at: Location, pinned: i64) -> Result<Vec<SerialRange>> {
    // Neither column of the function is ever null.
    let rows = sqlx::query!(
        r#"select first as "first!", last as "last!" from moved_since($1, $2)"#,
        at.number(),
        pinned,
    )
    .fetch_all(db)
    .await?;
    let (firsts, lasts): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (row.first, row.last)).unzip();
    runs("movement", &firsts, &lasts)
}

/// Notes what was found up to now.
#[tracing::instrument(name = "sql.save_found", skip_all)]
pub async fn save_found(
    db: &mut PgConnection,
    id: StockCountId,
    found: &[SerialRange],
) -> Result<()> {
    let (firsts, lasts) = ends(found);
    let saved = sqlx::query!(
        r#"
        update stock_count
        set found = (
            select range_agg(int8range(r.first, r.last, '[]')) from unnest($2::bigint[], $3::bigint[]) as r (first, last)
        )
        where count_id = $1 and state = 'OPEN'
        "#,
        id.uuid(),
        &firsts,
        &lasts,
    )
    .execute(db)
    .await?;
    saved_once(saved.rows_affected())
}

/// Notes how a count ended.
#[tracing::instrument(name = "sql.save_end_of_count", skip_all)]
pub async fn save_end_of_count(
    db: &mut PgConnection,
    count: &StockCount,
    by: Signature,
    record: &str,
) -> Result<()> {
    let tally = count.tally.as_ref();
    let saved = sqlx::query!(
        r#"
        update stock_count
        set state = $2, ended_at = $3, ended_by = $4, end_number = $5,
            counted = $6, expected = $7, missing = $8, unexpected = $9, moved = $10, beside = $11
        where count_id = $1 and state = 'OPEN'
        "#,
        count.count_id.uuid(),
        count.state as CountState,
        count.ended_at,
        by.officer.uuid(),
        record,
        tally.map(|tally| tally.counted),
        tally.map(|tally| tally.expected),
        tally.map(|tally| tally.missing),
        tally.map(|tally| tally.unexpected),
        tally.map(|tally| tally.moved),
        tally.map(|tally| tally.beside),
    )
    .execute(db)
    .await?;
    saved_once(saved.rows_affected())
}

fn saved_once(rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::internal("a locked count was ended by somebody else"))
    }
}

/// An office's counts, newest first, or those of one of its locations; behind `after`.
#[tracing::instrument(name = "sql.list_counts", skip_all)]
pub async fn list_counts(
    db: &mut PgConnection,
    (office, at): (District, Option<Location>),
    after: Option<StockCountId>,
    limit: i64,
) -> Result<Vec<StockCount>> {
    // Ids are made in the order of time.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select count_id, location, state as "state: CountState", pinned, document_number, started_by, starter_person,
            started_at, ended_at, counted, expected, missing, unexpected, moved, beside
        from stock_count
        where district = $1 and ($2::integer is null or location = $2) and ($3::uuid is null or count_id < $3)
        order by count_id desc
        limit $4
        "#,
        office.number(),
        at.map(Location::number),
        after.map(|id| id.uuid()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(StockCount::try_from).collect()
}

/// A count as its columns have it.
struct Row {
    count_id: Uuid,
    location: i32,
    state: CountState,
    pinned: i64,
    document_number: String,
    started_by: Uuid,
    starter_person: Uuid,
    started_at: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
    counted: Option<i64>,
    expected: Option<i64>,
    missing: Option<i64>,
    unexpected: Option<i64>,
    moved: Option<i64>,
    beside: Option<i64>,
}

impl Row {
    /// The figures; the table has all or none.
    fn tally(&self) -> Option<Tally> {
        Some(Tally {
            counted: self.counted?,
            expected: self.expected?,
            missing: self.missing?,
            unexpected: self.unexpected?,
            moved: self.moved?,
            beside: self.beside?,
        })
    }
}

impl TryFrom<Row> for StockCount {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            tally: row.tally(),
            count_id: row.count_id.into(),
            location: location("stock_count", row.location)?,
            state: row.state,
            pinned: row.pinned,
            document_number: row.document_number,
            started_by: Signature {
                officer: row.started_by.into(),
                person: row.starter_person.into(),
            },
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}
