//! What the stock takes in the database, and whether its rows are as few as they may be.

use serde::Serialize;
use sqlx::{Executor as _, PgPool, Row as _};

use crate::cli::Failure;

/// The rows of the custody beside the maximal runs that the movements tell of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rows {
    pub rows: i64,
    pub maximal_runs: i64,
}

/// A table or an index on the disk.
#[derive(Debug, Clone, Serialize)]
pub struct Size {
    pub name: String,
    /// `table`, or an index's method.
    pub kind: String,
    pub bytes: i64,
}

impl Rows {
    /// As they are now.
    pub async fn count(owner: &PgPool) -> Result<Self, Failure> {
        let row = owner.fetch_one(include_str!("rows.sql")).await?;
        Ok(Self {
            rows: row.try_get(0)?,
            maximal_runs: row.try_get(1)?,
        })
    }

    /// Rows to runs.
    pub fn ratio(self) -> f64 {
        self.rows as f64 / self.maximal_runs.max(1) as f64
    }
}

/// All that belongs to custody and ledger, the largest first.
pub async fn sizes(owner: &PgPool) -> Result<Vec<Size>, Failure> {
    let rows = owner.fetch_all(include_str!("sizes.sql")).await?;
    let sizes = rows.iter().map(|row| {
        Ok(Size {
            name: row.try_get(0)?,
            kind: row.try_get(1)?,
            bytes: row.try_get(2)?,
        })
    });
    sizes.collect()
}
