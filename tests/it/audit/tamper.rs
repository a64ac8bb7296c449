//! A superuser who edits, deletes, inserts, reorders, truncates, or rewrites everything consistently: found every time.
//!
//! What is easily got wrong: the last one cannot be found in the database at all, only against a head that was kept. The
//! test forges whole histories with the same formulas as the product, so that nothing else gives them away.

use ektp::audit::{self, Head, Key, Kind, Leaf, Report, Tree, Trust};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use time::OffsetDateTime;

use crate::support::office::Office;

const DISTRICTS: [i32; 4] = [1_101, 3_174, 3_575, 7_371];
/// Rows of each chain when the kept head is made.
const KEPT_ROWS: i32 = 60;
const SEEDS: u64 = 6;

/// The formula of the database, over a whole chain again.
const REWRITE: &str = "
do $$
declare d integer; r record; c bytea;
begin
    for d in select distinct district from audit loop
        c := '\\x';
        for r in select * from audit where district = d order by number loop
            c := sha256(c || convert_to(concat_ws(E'\\x1f', r.district::text, r.number::text,
                (extract(epoch from r.at) * 1000000)::bigint::text, r.kind, r.terminal, coalesce(r.officer_id::text, ''),
                coalesce(r.shift_id::text, ''), r.method, coalesce(r.request_id::text, ''), r.code::text, r.reason,
                r.resources, r.trace_id), 'UTF8'));
            update audit set digest = c where district = d and number = r.number;
        end loop;
        update feed_head set audit_digest = c, audit_head = (select max(number) from audit where district = d)
        where district = d;
    end loop;
end $$";

/// What is done to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Edit,
    EditDigest,
    Delete,
    InsertTwice,
    InsertAtTheEnd,
    SqueezeIn,
    DeleteAndMoveUp,
    Swap,
    TruncateTail,
    TruncateChain,
    TruncateTable,
    RewriteChain,
    RewriteAndSignAgain,
    DeleteHeads,
}

impl Deed {
    const ALL: [Self; 14] = [
        Self::Edit,
        Self::EditDigest,
        Self::Delete,
        Self::InsertTwice,
        Self::InsertAtTheEnd,
        Self::SqueezeIn,
        Self::DeleteAndMoveUp,
        Self::Swap,
        Self::TruncateTail,
        Self::TruncateChain,
        Self::TruncateTable,
        Self::RewriteChain,
        Self::RewriteAndSignAgain,
        Self::DeleteHeads,
    ];

    /// The word that must be among the findings.
    fn kind(self) -> Kind {
        match self {
            Self::Edit | Self::EditDigest | Self::DeleteAndMoveUp => Kind::Edited,
            Self::Delete => Kind::Missing,
            Self::InsertTwice | Self::InsertAtTheEnd | Self::SqueezeIn => Kind::Inserted,
            Self::Swap => Kind::Reordered,
            Self::TruncateTail | Self::TruncateChain | Self::TruncateTable => Kind::Truncated,
            Self::RewriteChain => Kind::Rewritten,
            Self::RewriteAndSignAgain => Kind::HeadDiffers,
            Self::DeleteHeads => Kind::HeadMissing,
        }
    }

    async fn do_it(self, office: &Office, dice: &mut ChaCha8Rng) {
        let d = DISTRICTS[dice.random_range(0..DISTRICTS.len())];
        let n = dice.random_range(2..=KEPT_ROWS - 1);
        let other = (n + dice.random_range(0..KEPT_ROWS - 1)) % KEPT_ROWS + 1;
        let other = if other == n { n % KEPT_ROWS + 1 } else { other };
        let at = format!("district = {d} and number = {n}");
        let columns = "district, number, at, kind, terminal, officer_id, shift_id, method, request_id, code, reason, \
                       resources, trace_id, digest";
        let change = CHANGES[dice.random_range(0..CHANGES.len())];
        // A row of the chain's middle once more, at another number or time.
        let again = |number: &str, at: &str| {
            let values =
                columns
                    .replacen("number", number, 1)
                    .replacen("at,", &format!("{at},"), 1);
            format!(
                "insert into audit ({columns}) select {values} from audit where district = {d} and number = {n};"
            )
        };
        let sql = match self {
            Self::Edit => format!("update audit set {change} where {at}"),
            Self::EditDigest => format!("update audit set digest = sha256(digest) where {at}"),
            Self::Delete => format!("delete from audit where {at}"),
            Self::InsertTwice => again("number", "at + interval '1 microsecond'"),
            Self::InsertAtTheEnd => again("(select audit_head + 1 from feed_head where feed_head.district = audit.district)", "at"),
            Self::SqueezeIn => format!(
                "{UPWARDS} update audit set number = number - 100000 + 1 where district = {d} and number >= 100000 + {n};
                 update audit set number = number - 100000 where district = {d} and number >= 100000;
                 insert into audit ({columns}) select {} from audit where district = {d} and number = {n} - 1;
                 update feed_head set audit_head = audit_head + 1 where district = {d}",
                columns.replacen("number", "number + 1", 1)
            )
            .replace("{d}", &d.to_string()),
            Self::DeleteAndMoveUp => format!(
                "delete from audit where {at}; {UPWARDS}
                 update audit set number = number - 100000 - (number > 100000 + {n})::integer
                 where district = {d} and number >= 100000;
                 update feed_head set audit_head = audit_head - 1 where district = {d}"
            )
            .replace("{d}", &d.to_string()),
            Self::Swap => format!(
                "update audit set number = 100000 where {at};
                 update audit set number = {n} where district = {d} and number = {other};
                 update audit set number = {other} where district = {d} and number = 100000"
            ),
            Self::TruncateTail => format!(
                "delete from audit where district = {d} and number > {n};
                 update feed_head set audit_head = {n}, audit_digest = (select digest from audit where {at})
                 where district = {d}"
            ),
            Self::TruncateChain => format!(
                "delete from audit where district = {d};
                 update feed_head set audit_head = 0, audit_digest = '' where district = {d}"
            ),
            Self::TruncateTable => "truncate audit; update feed_head set audit_head = 0, audit_digest = ''".to_owned(),
            Self::RewriteChain | Self::RewriteAndSignAgain => {
                format!("update audit set {change} where {at}; {REWRITE}")
            }
            Self::DeleteHeads => format!("delete from audit_tree_head where number >= {}", n % 3 + 1),
        };
        office.tamper(sql).await;
        if self == Self::RewriteAndSignAgain {
            forge_heads(office, &Key::random()).await;
        }
    }
}

/// Out of the way, so that numbers can move without meeting.
const UPWARDS: &str = "update audit set number = number + 100000 where district = {d};";

/// What an editor may want to be otherwise.
const CHANGES: [&str; 8] = [
    "terminal = 'ektp://district/35.75/site/office/terminal/2'",
    "officer_id = gen_random_uuid()",
    "method = 'PrintQueue/ReportSpoiled'",
    "code = code + 1",
    "reason = reason || 'X'",
    "resources = ''",
    "at = at + interval '1 microsecond'",
    "trace_id = ''",
];

/// Number, time, districts, their numbers, rows.
type Stored = (i64, OffsetDateTime, Vec<i32>, Vec<i64>, i64);

/// Every head once more, from the chains as they are now.
async fn forge_heads(office: &Office, key: &Key) {
    let heads: Vec<Stored> = sqlx::query_as(
        "select number, made_at, districts, numbers, row_count from audit_tree_head order by number",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the heads are there");
    let mut prior_root = None;
    for (number, made_at, districts, numbers, rows) in heads {
        let mut tree = Tree::default();
        for (district, number) in districts.into_iter().zip(numbers) {
            let digest: Vec<u8> =
                sqlx::query_scalar("select digest from audit where district = $1 and number = $2")
                    .bind(district)
                    .bind(number)
                    .fetch_one(&office.sql)
                    .await
                    .expect("the row is there");
            let digest = digest.try_into().expect("a SHA-256");
            tree.append(
                Leaf {
                    district,
                    number,
                    digest,
                }
                .hash(),
            );
        }
        let head = Head {
            number,
            made_at,
            rows,
            root: tree.root(),
            prior_root,
            signature: [0; 64],
            public_key: [0; 32],
        }
        .signed(key);
        prior_root = Some(head.root);
        sqlx::query(
            "update audit_tree_head set root = $2, prior_root = $3, signature = $4, public_key = $5 where number = $1",
        )
        .bind(number)
        .bind(&head.root[..])
        .bind(head.prior_root.map(Vec::from).unwrap_or_default())
        .bind(&head.signature[..])
        .bind(&head.public_key[..])
        .execute(&office.sql)
        .await
        .expect("the head is there");
    }
}

/// A log with three heads; the last of them is kept, and the log has grown since and has more heads.
async fn log() -> (Office, Head) {
    let office = Office::open().await;
    for _ in 0..2 {
        office.grow(&DISTRICTS, KEPT_ROWS / 2).await;
        office.head().await;
    }
    let kept = office.head().await;
    office.grow(&DISTRICTS, 10).await;
    office.head().await;
    office.grow(&DISTRICTS, 3).await;
    office
        .tamper(
            "create table kept_audit as select * from audit; create table kept_feed as select * from feed_head;
             create table kept_heads as select * from audit_tree_head",
        )
        .await;
    (office, kept)
}

/// As if nothing had happened.
async fn restore(office: &Office) {
    office
        .tamper(
            "truncate audit; insert into audit select * from kept_audit;
             truncate audit_tree_head; insert into audit_tree_head select * from kept_heads;
             update feed_head f set audit_head = k.audit_head, audit_digest = k.audit_digest
             from kept_feed k where k.district = f.district",
        )
        .await;
}

fn told(report: &Report) -> String {
    let lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_tampering_is_found_against_a_head_that_was_kept() {
    let (office, kept) = log().await;
    let clean = office.verified(std::slice::from_ref(&kept)).await;
    assert!(clean.is_clean(), "{}", told(&clean));
    assert_eq!(clean.kept, 1, "an old head fits a log that only grew");
    assert!(clean.covered > kept.rows.unsigned_abs());
    let mut missed = Vec::new();
    for deed in Deed::ALL {
        for seed in 0..SEEDS {
            deed.do_it(&office, &mut ChaCha8Rng::seed_from_u64(seed))
                .await;
            let report = office.verified(std::slice::from_ref(&kept)).await;
            let mut kinds = report.findings.iter().map(|finding| finding.kind);
            if !kinds.any(|kind| kind == deed.kind()) {
                missed.push(format!(
                    "{deed:?} with seed {seed}, found as: {}",
                    told(&report)
                ));
            }
            restore(&office).await;
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let clean = office.verified(&[kept]).await;
    assert!(clean.is_clean(), "{}", told(&clean));
}

#[tokio::test]
async fn whoever_rewrites_everything_and_has_the_key_is_found_by_a_kept_head_alone() {
    let (office, kept) = log().await;
    office
        .tamper(format!(
            "update audit set reason = 'OTHER' where district = 3575 and number = 7; {REWRITE}"
        ))
        .await;
    forge_heads(&office, &office.signing.key).await;
    let alone = office.verified(&[]).await;
    assert!(
        alone.is_clean(),
        "nothing in the database shows it: {}",
        told(&alone)
    );
    let report = office.verified(std::slice::from_ref(&kept)).await;
    assert_eq!(report.findings.len(), 1, "{}", told(&report));
    let finding = &report.findings[0];
    assert_eq!(
        (finding.kind, finding.number),
        (Kind::HeadDiffers, kept.number)
    );
}

#[tokio::test]
async fn a_copy_that_was_changed_itself_is_no_proof() {
    let (office, kept) = log().await;
    let mut changed = kept;
    changed.rows += 1;
    let report = office.verified(&[changed]).await;
    assert_eq!(report.findings.len(), 1, "{}", told(&report));
    assert_eq!(report.findings[0].kind, Kind::NotSigned);
}

#[tokio::test]
async fn a_long_log_is_read_to_its_last_row() {
    let office = Office::open().await;
    for _ in 0..10 {
        office.grow(&DISTRICTS, 500).await;
    }
    let head = office.head().await;
    let mut heard = 0;
    let trust = Trust {
        kept: vec![super::kept_by_a_test(head)],
        keys: vec![office.signing.key.public()],
    };
    let mut db = office.sql.acquire().await.expect("the database answers");
    let report = audit::verify(&mut db, &trust, &mut |rows| {
        assert!(rows > heard, "the progress goes on");
        heard = rows;
    })
    .await
    .expect("the log can be read");
    assert!(report.is_clean(), "{}", told(&report));
    // Each head but the last covers the row of the one before.
    assert_eq!(report.rows, 20_000 + report.heads);
    assert_eq!((heard, report.covered + 1), (report.rows, report.rows));
    assert_eq!(report.chains, 5, "four districts and the centre");
}
