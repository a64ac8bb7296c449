//! The SQL of signing: the chains as they stand, the heads made so far, a new one.
//!
//! What is easily got wrong: `made_at` is the start of the statement that reads the chains. It precedes the statement's
//! view of the database, so whatever was committed before that time is covered by the head.

use futures::future::BoxFuture;
use prost::Message as _;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Digest, Head, Leaf};
use crate::{
    error::{Error, Result},
    ids::District,
    proto,
};

/// What a new head follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    /// 0 where there is none yet.
    pub number: i64,
    pub root: Option<Digest>,
}

/// The chains of all districts at one moment, in ascending order.
#[derive(Debug)]
pub(super) struct Chains {
    pub as_of: OffsetDateTime,
    pub leaves: Vec<Leaf>,
}

/// Makes this transaction the one that may sign; none when another one is at it, or the last head is younger than that.
#[tracing::instrument(name = "sql.lock_audit_heads", level = "debug", skip_all)]
pub(super) async fn lock_if_due(db: &mut PgConnection, due_seconds: f64) -> Result<Option<Last>> {
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('audit_tree_head')) as "ours!""#
    )
    .fetch_one(&mut *db)
    .await?;
    if !ours {
        return Ok(None);
    }
    // A statement of its own, so that it sees what the holder before has committed. A head dated in the future shall not
    // stop the signing. Before the first head the first row counts; in a log without rows nothing is due.
    let last = sqlx::query!(
        r#"
        select h.number as "number?", h.root as "root?",
            case when h.number is null then audit_began() else h.made_at end
                not between clock_timestamp() - make_interval(secs => $1) and clock_timestamp() as due
        from (select) as nothing
        left join (
            select number, root, made_at from audit_tree_head order by number desc limit 1
        ) as h on true
        "#,
        due_seconds,
    )
    .fetch_one(db)
    .await?;
    if last.due != Some(true) {
        return Ok(None);
    }
    Ok(Some(Last {
        number: last.number.unwrap_or(0),
        root: last.root.as_deref().map(digest).transpose()?,
    }))
}

/// The chains that have rows.
#[tracing::instrument(name = "sql.audit_chains", skip_all)]
pub(super) async fn chains(db: &mut PgConnection) -> Result<Chains> {
    // The time of the statement is never null.
    let rows = sqlx::query!(
        r#"
        select district, audit_head, audit_digest, statement_timestamp() as "as_of!"
        from feed_head
        where audit_head > 0
        order by district
        "#,
    )
    .fetch_all(db)
    .await?;
    let as_of = rows
        .first()
        .map(|row| row.as_of)
        .ok_or_else(|| Error::corrupt("feed_head", "no chain has rows, and the audit log has"))?;
    let leaves = rows
        .iter()
        .map(|row| {
            Ok(Leaf {
                district: row.district,
                number: row.audit_head,
                digest: digest(&row.audit_digest)?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Chains { as_of, leaves })
}

/// Keeps a new head, and which chains it covers up to where.
#[tracing::instrument(name = "sql.insert_audit_head", skip_all)]
pub(super) async fn insert(db: &mut PgConnection, head: &Head, leaves: &[Leaf]) -> Result<()> {
    let districts: Vec<i32> = leaves.iter().map(|leaf| leaf.district).collect();
    let numbers: Vec<i64> = leaves.iter().map(|leaf| leaf.number).collect();
    sqlx::query!(
        r#"
        insert into audit_tree_head (
            number, made_at, districts, numbers, row_count, root, prior_root, signature, public_key
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        head.number,
        head.made_at,
        &districts,
        &numbers,
        head.rows,
        &head.root[..],
        head.prior_root.as_ref().map_or(&[][..], |root| &root[..]),
        &head.signature[..],
        &head.public_key[..],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Heads from a number on, at most `limit`.
#[tracing::instrument(name = "sql.audit_heads", level = "debug", skip_all)]
pub(super) async fn heads_from(
    db: &mut PgConnection,
    number: i64,
    limit: i64,
) -> Result<Vec<Head>> {
    sqlx::query_as!(
        Row,
        r#"
        select number, made_at, row_count, root, prior_root, signature, public_key
        from audit_tree_head
        where number >= $1
        order by number
        limit $2
        "#,
        number,
        limit,
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Head::try_from)
    .collect()
}

/// What a stream of heads begins with: the last one.
pub fn snapshot(db: &mut PgConnection, _: District) -> BoxFuture<'_, Result<Vec<Vec<u8>>>> {
    Box::pin(async move {
        let last = sqlx::query_as!(
            Row,
            r#"
            select number, made_at, row_count, root, prior_root, signature, public_key
            from audit_tree_head
            order by number desc
            limit 1
            "#,
        )
        .fetch_optional(db)
        .await?;
        last.map(|row| Ok(proto::AuditHead::from(&Head::try_from(row)?).encode_to_vec()))
            .into_iter()
            .collect()
    })
}

struct Row {
    number: i64,
    made_at: OffsetDateTime,
    row_count: i64,
    root: Vec<u8>,
    prior_root: Vec<u8>,
    signature: Vec<u8>,
    public_key: Vec<u8>,
}

impl TryFrom<Row> for Head {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let prior_root = match row.prior_root.as_slice() {
            [] => None,
            bytes => Some(digest(bytes)?),
        };
        let corrupt = |_| Error::corrupt("audit_tree_head", row.number);
        Ok(Self {
            number: row.number,
            made_at: row.made_at,
            rows: row.row_count,
            root: digest(&row.root)?,
            prior_root,
            signature: row.signature.try_into().map_err(corrupt)?,
            public_key: row.public_key.try_into().map_err(corrupt)?,
        })
    }
}

fn digest(bytes: &[u8]) -> Result<Digest> {
    bytes
        .try_into()
        .map_err(|_| Error::corrupt("audit", "a digest has another length"))
}
