//! The audit log, and that nobody changes it unseen: acts and their rows, heads and their copies, every way of tampering.

use std::{fs, sync::Arc, time::Duration};

use ektp::{
    audit::{self, Head, Kept, Report, Signing, Trust},
    error::Result,
};
use uuid::Uuid;

use crate::support::{cards::until, office::Office};

mod command;
mod heads;
mod story;
mod streams;
mod tamper;

/// A row as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct Row {
    number: i64,
    kind: String,
    terminal: String,
    method: String,
    request_id: Option<Uuid>,
    code: i32,
    reason: String,
    resources: String,
}

impl Office {
    /// The rows of one district's chain.
    async fn audit_rows(&self, district: i32) -> Vec<Row> {
        sqlx::query_as(
            "select number, kind, terminal, method, request_id, code, reason, resources
             from audit where district = $1 order by number",
        )
        .bind(district)
        .fetch_all(&self.sql)
        .await
        .expect("the table is there")
    }

    /// The same key and file, with a head due at once.
    fn signing_now(&self) -> Arc<Signing> {
        Arc::new(Signing {
            key: Arc::clone(&self.signing.key),
            witness: self.signing.witness.clone(),
            every: Duration::ZERO,
        })
    }

    /// Makes a head now, as the n-th server's chore does.
    async fn try_head(&self, server: usize) -> Result<Option<Head>> {
        audit::round(self.server(server).desk(), &self.signing_now()).await
    }

    /// Makes a head now.
    async fn head(&self) -> Head {
        let mut made = None;
        // The server's own chore may just be looking whether one is due.
        until("a head is made", async || {
            made = self.try_head(0).await.expect("the round ends well");
            made.is_some()
        })
        .await;
        let made = made.expect("it was waited for");
        // Or hold the witness file; then the next round writes the line.
        let signing = &self.signing;
        until("the head is witnessed", async || {
            if witnessed(signing).last() == Some(&made) {
                return true;
            }
            let round = audit::round(self.server(0).desk(), signing).await;
            round.expect("the round ends well");
            false
        })
        .await;
        made
    }

    /// Verifies the log against kept heads.
    async fn verified(&self, kept: &[Head]) -> Report {
        let trust = Trust {
            kept: kept.iter().cloned().map(kept_by_a_test).collect(),
            keys: Vec::new(),
        };
        let mut db = self.sql.acquire().await.expect("the database answers");
        audit::verify(&mut db, &trust, &mut |_| {})
            .await
            .expect("the log can be read")
    }

    /// Appends so many rows to each of some districts' chains, with every column filled somewhere.
    async fn grow(&self, districts: &[i32], rows: i32) {
        sqlx::query(
            "select ledger_append(d.district, null, null, 'ACT', 'ektp://district/x/site/kota é/terminal/1',
                case when d.district % 2 = 0 then gen_random_uuid() end, case when d.district % 2 = 0 then gen_random_uuid() end,
                'PrintQueue/BindBlanks', md5(random()::text),
                (select array_agg(case when n % 3 > 0 then gen_random_uuid() end) from generate_series(1, $2) as n),
                (select array_agg(n % 7) from generate_series(1, $2) as n),
                (select array_agg(case when n % 7 > 0 then 'NOT_FOUND' else '' end) from generate_series(1, $2) as n),
                (select array_agg('print_request/' || gen_random_uuid()) from generate_series(1, $2)))
             from unnest($1::integer[]) as d (district)",
        )
        .bind(districts)
        .bind(rows)
        .execute(&self.sql)
        .await
        .expect("the chains take the rows");
    }
}

/// The heads that a witness file has.
fn witnessed(signing: &Signing) -> Vec<Head> {
    let text = fs::read_to_string(&signing.witness).unwrap_or_default();
    audit::read_witness(&text).expect("lines of heads")
}

fn kept_by_a_test(head: Head) -> Kept {
    Kept {
        head,
        from: "the test".to_owned(),
    }
}
