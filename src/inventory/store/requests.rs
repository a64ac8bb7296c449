//! Requests for blanks and what they are justified with.
//!
//! What is easily got wrong: a province sees its districts' requests, but not the centre's shipments to them. What was sent for
//! a request is answered by a function of the database.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{BlankRequestId, District},
    inventory::{
        Backlog, BlankRequest, Decision, Grant, RequestCause, RequestRoute, RequestState, Sent,
        Use, Verdict,
    },
};

/// Notes a new request.
#[tracing::instrument(name = "sql.insert_blank_request", skip_all)]
pub async fn insert_request(db: &mut PgConnection, request: &BlankRequest) -> Result<()> {
    let backlog = &request.backlog;
    sqlx::query!(
        r#"
        insert into blank_request (
            blank_request_id, district, province, route, state, raised_by, quantity, queued, held, print_ready, in_stock,
            in_transit, used, requested_at, requested_by
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        "#,
        request.blank_request_id.uuid(),
        request.district.number(),
        request.district.number() / 100,
        request.route as RequestRoute,
        request.state as RequestState,
        request.cause() as RequestCause,
        request.quantity,
        backlog.queued,
        backlog.held,
        backlog.print_ready,
        backlog.blanks.in_stock,
        backlog.in_transit,
        &backlog.blanks.used,
        request.requested_at,
        request.requested_by.map(|id| id.uuid()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The request that a district has open.
#[tracing::instrument(name = "sql.find_open_blank_request", skip_all)]
pub async fn find_open(
    db: &mut PgConnection,
    district: District,
) -> Result<Option<BlankRequestId>> {
    let id = sqlx::query_scalar!(
        "select blank_request_id from blank_request where district = $1 and state in ('REQUESTED', 'GRANTED')",
        district.number(),
    )
    .fetch_optional(db)
    .await?;
    Ok(id.map(Into::into))
}

/// A request of this office or of a district of this province, locked; for the nation any.
#[tracing::instrument(name = "sql.lock_blank_request", skip_all)]
pub async fn lock_request(
    db: &mut PgConnection,
    id: BlankRequestId,
    scope: Option<District>,
) -> Result<Option<BlankRequest>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select blank_request_id, district, state as "state: RequestState", route as "route: RequestRoute", quantity, queued,
            held, print_ready, in_stock, in_transit, used, requested_at, requested_by, decided_at, decided_by, decided_in,
            granted_quantity, collection_date, refusal
        from blank_request
        where blank_request_id = $1 and ($2::integer is null or $2 in (district, province))
        for no key update
        "#,
        id.uuid(),
        scope.map(District::number),
    )
    .fetch_optional(db)
    .await?;
    row.map(BlankRequest::try_from).transpose()
}

/// Requests behind `after` in the order of asking, at most `limit`; for an office its own or its districts'.
#[tracing::instrument(name = "sql.list_blank_requests", skip_all)]
pub async fn list_requests(
    db: &mut PgConnection,
    scope: Option<District>,
    state: Option<RequestState>,
    after: Option<(OffsetDateTime, BlankRequestId)>,
    limit: i64,
) -> Result<Vec<BlankRequest>> {
    let (after_at, after_id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"
        select blank_request_id, district, state as "state: RequestState", route as "route: RequestRoute", quantity, queued,
            held, print_ready, in_stock, in_transit, used, requested_at, requested_by, decided_at, decided_by, decided_in,
            granted_quantity, collection_date, refusal
        from blank_request
        where ($1::integer is null or $1 in (district, province)) and ($2::text is null or state = $2)
            and ($3::timestamptz is null or (requested_at, blank_request_id) > ($3, $4::uuid))
        order by requested_at, blank_request_id
        limit $5
        "#,
        scope.map(District::number),
        state as Option<RequestState>,
        after_at,
        after_id.map(|id| id.uuid()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(BlankRequest::try_from).collect()
}

/// What was sent for each of these requests; nothing where nothing was.
#[tracing::instrument(name = "sql.sent_for_requests", skip_all)]
pub async fn sent_for(
    db: &mut PgConnection,
    ids: &[BlankRequestId],
) -> Result<HashMap<BlankRequestId, Sent>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // Of a function's columns nothing is known: the id and the sums are never null, the times where there was none.
    let rows = sqlx::query!(
        r#"
        select blank_request_id as "blank_request_id!", dispatched as "dispatched!", dispatched_at, received as "received!", received_at
        from shipments_of_requests($1)
        "#,
        &ids,
    )
    .fetch_all(db)
    .await?;
    let sent = rows.into_iter().map(|row| {
        let sent = Sent {
            dispatched: row.dispatched,
            dispatched_at: row.dispatched_at,
            received: row.received,
            received_at: row.received_at,
        };
        (BlankRequestId::from(row.blank_request_id), sent)
    });
    Ok(sent.collect())
}

/// Notes a decision.
#[tracing::instrument(name = "sql.save_verdict_on_request", skip_all)]
pub async fn save_verdict(
    db: &mut PgConnection,
    id: BlankRequestId,
    state: RequestState,
    verdict: &Verdict,
) -> Result<()> {
    let (grant, refusal) = match &verdict.decision {
        Decision::Grant(grant) => (Some(grant), None),
        Decision::Refuse(reason) => (None, Some(reason.as_str())),
    };
    sqlx::query!(
        r#"
        update blank_request
        set state = $2, decided_at = $3, decided_by = $4, decided_in = $5, granted_quantity = $6, collection_date = $7,
            refusal = $8
        where blank_request_id = $1
        "#,
        id.uuid(),
        state as RequestState,
        verdict.at,
        verdict.by.uuid(),
        verdict.office.number(),
        grant.map(|grant| grant.quantity),
        grant.map(|grant| grant.collection_date),
        refusal,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that its district took it back.
#[tracing::instrument(name = "sql.save_withdrawal_of_request", skip_all)]
pub async fn save_withdrawal(
    db: &mut PgConnection,
    id: BlankRequestId,
    by: Uuid,
    at: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "update blank_request set state = 'WITHDRAWN', withdrawn_at = $2, withdrawn_by = $3 where blank_request_id = $1",
        id.uuid(),
        at,
        by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that all that was granted is sent.
#[tracing::instrument(name = "sql.save_fulfilment_of_request", skip_all)]
pub async fn save_fulfilled(db: &mut PgConnection, id: BlankRequestId) -> Result<()> {
    sqlx::query!(
        "update blank_request set state = 'FULFILLED' where blank_request_id = $1",
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Opens a fulfilled request again whose shipment was taken back, unless its district has asked anew. Call it under the lock of
/// the district's store, under which districts ask.
#[tracing::instrument(name = "sql.reopen_blank_request", skip_all)]
pub async fn reopen(db: &mut PgConnection, id: BlankRequestId) -> Result<()> {
    sqlx::query!(
        r#"
        update blank_request as r
        set state = 'GRANTED'
        where r.blank_request_id = $1 and r.state = 'FULFILLED' and not exists (
            select from blank_request as o where o.district = r.district and o.state in ('REQUESTED', 'GRANTED')
        )
        "#,
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A request as its columns have it.
struct Row {
    blank_request_id: Uuid,
    district: i32,
    state: RequestState,
    route: RequestRoute,
    quantity: i64,
    queued: i64,
    held: i64,
    print_ready: i64,
    in_stock: i64,
    in_transit: i64,
    used: Vec<i64>,
    requested_at: OffsetDateTime,
    requested_by: Option<Uuid>,
    decided_at: Option<OffsetDateTime>,
    decided_by: Option<Uuid>,
    decided_in: Option<i32>,
    granted_quantity: Option<i64>,
    collection_date: Option<Date>,
    refusal: Option<String>,
}

fn office(number: i32) -> Result<District> {
    District::from_number(number).map_err(|error| Error::corrupt("blank_request", error))
}

impl Row {
    fn verdict(&self) -> Result<Option<Verdict>> {
        let grant = self.granted_quantity.zip(self.collection_date);
        let grant = grant.map(|(quantity, collection_date)| {
            Decision::Grant(Grant {
                quantity,
                collection_date,
            })
        });
        let decision = grant.or_else(|| self.refusal.clone().map(Decision::Refuse));
        let (Some(decision), Some(at), Some(by), Some(number)) =
            (decision, self.decided_at, self.decided_by, self.decided_in)
        else {
            return Ok(None);
        };
        Ok(Some(Verdict {
            decision,
            office: office(number)?,
            by: by.into(),
            at,
        }))
    }
}

impl TryFrom<Row> for BlankRequest {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            blank_request_id: row.blank_request_id.into(),
            district: office(row.district)?,
            state: row.state,
            route: row.route,
            quantity: row.quantity,
            verdict: row.verdict()?,
            backlog: Backlog {
                queued: row.queued,
                held: row.held,
                print_ready: row.print_ready,
                in_transit: row.in_transit,
                blanks: Use {
                    in_stock: row.in_stock,
                    used: row.used,
                },
            },
            requested_at: row.requested_at,
            requested_by: row.requested_by.map(Into::into),
        })
    }
}
