//! Cases: the rows that own what nobody can explain.

use sqlx::PgConnection;

use crate::{
    error::Result,
    inventory::{CaseKind, StockCase, store::ends},
};

/// Notes a case that is open from now on.
#[tracing::instrument(name = "sql.insert_case", skip_all)]
pub async fn insert_case(db: &mut PgConnection, case: &StockCase) -> Result<()> {
    let (firsts, lasts) = ends(&case.serials);
    sqlx::query!(
        r#"
        insert into stock_case (
            case_id, kind, district, counterpart, location, serials, open_serials, in_dispute, shipment_id, document_number,
            given_by, opened_by, opened_at, due_at, count_id
        )
        select $1, $2, $3, $4, $5, range_agg(int8range(r.first, r.last, '[]')), range_agg(int8range(r.first, r.last, '[]')),
            $6, $7, $8, $9, $10, $11, $12, $13
        from unnest($14::bigint[], $15::bigint[]) as r (first, last)
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
        &firsts,
        &lasts,
    )
    .execute(db)
    .await?;
    Ok(())
}
