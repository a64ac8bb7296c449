//! WatchAuditHeads, with which anybody keeps heads outside the ministry, and WatchAlarms for the centre.

use ektp::{
    audit::{Head, Kind},
    proto::{
        self, administration_client::AdministrationClient,
        watch_alarms_response::Message as Alarmed, watch_audit_heads_response::Message as Said,
    },
};
use prost::Message as _;
use time::OffsetDateTime;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use super::witnessed;
use crate::support::{
    PATIENCE,
    office::{Client, Office, reason, violated_fields},
    officers::Line,
    stream::quick,
};

const DISTRICTS: [i32; 2] = [1_101, 3_575];

fn administration(client: &Client) -> AdministrationClient<Line> {
    client.administration.clone()
}

/// Somebody who keeps heads.
struct Keeper {
    stream: Streaming<proto::WatchAuditHeadsResponse>,
    token: Vec<u8>,
}

impl Keeper {
    async fn open(client: &Client, token: Vec<u8>) -> Result<Self, Status> {
        let request = proto::WatchAuditHeadsRequest {
            resume_token: token.clone(),
        };
        let stream = administration(client).watch_audit_heads(request).await?;
        Ok(Self {
            stream: stream.into_inner(),
            token,
        })
    }

    async fn said(&mut self) -> Said {
        let answer = timeout(PATIENCE, self.stream.message())
            .await
            .expect("a stream says something in time")
            .expect("the stream goes on")
            .expect("the stream has not ended");
        answer.message.expect("every message says something")
    }

    /// The heads of the picture that comes now.
    async fn picture(&mut self) -> Vec<Head> {
        let mut heads = Vec::new();
        assert!(matches!(self.said().await, Said::SnapshotBegin(_)));
        loop {
            match self.said().await {
                Said::SnapshotChunk(chunk) => heads.extend(chunk.heads.iter().map(kept)),
                Said::SnapshotEnd(end) => {
                    self.token = end.resume_token;
                    return heads;
                }
                other @ (Said::SnapshotBegin(_)
                | Said::Change(_)
                | Said::Bookmark(_)
                | Said::Stale(_)
                | Said::Resync(_)
                | Said::Drain(_)) => panic!("not a part of a picture: {other:?}"),
            }
        }
    }

    /// The head that comes now.
    async fn head(&mut self) -> Head {
        let mut said = self.said().await;
        while matches!(said, Said::Bookmark(_)) {
            said = self.said().await;
        }
        let Said::Change(change) = said else {
            panic!("not a change: {said:?}")
        };
        self.token = change.resume_token;
        assert_eq!((change.heads.len(), change.more), (1, false));
        kept(&change.heads[0])
    }
}

/// A head as a client keeps it.
fn kept(head: &proto::AuditHead) -> Head {
    let made = head.made_time.expect("a head has its time");
    let nanos = i128::from(made.seconds) * 1_000_000_000 + i128::from(made.nanos);
    Head {
        number: i64::try_from(head.number).expect("a number"),
        made_at: OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a time"),
        rows: i64::try_from(head.rows).expect("a number"),
        root: head.root.clone().try_into().expect("32 bytes"),
        prior_root: head.prior_root.clone().try_into().ok(),
        signature: head.signature.clone().try_into().expect("64 bytes"),
        public_key: head.public_key.clone().try_into().expect("32 bytes"),
    }
}

#[tokio::test]
async fn heads_that_a_client_kept_prove_a_rewrite() {
    let office = Office::open_with(quick()).await;
    office.grow(&DISTRICTS, 5).await;
    let first = office.head().await;
    let second = office.head().await;
    let mut keeper = Keeper::open(&office.terminal("35.75/office/1").await, Vec::new())
        .await
        .expect("any certificate may keep heads");
    assert_eq!(
        keeper.picture().await,
        std::slice::from_ref(&second),
        "the last one only"
    );
    let third = office.head().await;
    assert_eq!(keeper.head().await, third);

    // Away for two heads; another certificate goes on from the token.
    let token = keeper.token.clone();
    drop(keeper);
    let missed = [office.head().await, office.head().await];
    let mut keeper = Keeper::open(&office.centre("matcher").await, token)
        .await
        .expect("the token is good");
    assert_eq!([keeper.head().await, keeper.head().await], missed);

    let all = [first, second, third, missed[0].clone(), missed[1].clone()];
    assert_eq!(witnessed(&office.signing), all);
    let report = office.verified(&all).await;
    assert!(report.is_clean(), "{:?}", report.findings);
    office
        .tamper("update audit_tree_head set signature = prior_root || prior_root where number = 4")
        .await;
    let report = office.verified(&missed).await;
    let kinds: Vec<Kind> = report.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::HeadEdited, Kind::HeadDiffers]);
}

#[tokio::test]
async fn an_alarm_reaches_the_centre_alone() {
    let office = Office::open_with(quick()).await;
    let trap = office.print_ready("35.75", 1).await.remove(0).1;
    office
        .tamper(format!(
            "insert into honeytoken (resident_id, district) values ('{trap}', 3575)"
        ))
        .await;
    let request = proto::WatchAlarmsRequest::default();
    for role in ["matcher", "store", "printer"] {
        let refused = administration(&office.centre(role).await)
            .watch_alarms(request.clone())
            .await;
        assert_eq!(
            refused.expect_err("not theirs").code(),
            Code::PermissionDenied
        );
    }
    let terminal = office.terminal("35.75/office/1").await;
    let refused = administration(&terminal)
        .watch_alarms(request.clone())
        .await;
    assert_eq!(
        reason(&refused.expect_err("not theirs")),
        "ROLE_MAY_NOT_CALL"
    );

    let desk = office.centre("policy").await;
    let mut stream = administration(&desk)
        .watch_alarms(request)
        .await
        .expect("the centre's alarms")
        .into_inner();
    let mut said = async || {
        let answer = timeout(PATIENCE, stream.message()).await;
        let answer = answer.expect("in time").expect("the stream goes on");
        answer.and_then(|answer| answer.message).expect("a message")
    };
    assert!(matches!(said().await, Alarmed::SnapshotBegin(_)));
    let Alarmed::SnapshotEnd(end) = said().await else {
        panic!("a picture of alarms holds none")
    };
    let alarm = proto::Alarm {
        kind: proto::AlarmKind::HoneytokenRead.into(),
        district: "35.75".to_owned(),
        ..Default::default()
    };
    sqlx::query(
        "select disclose(3575, 'ektp://t/1', null, null, 'Registration/GetEnrolment', '', array[$1::uuid], '{}', '{}',
            current_date, $2)",
    )
    .bind(trap)
    .bind(alarm.encode_to_vec())
    .execute(&office.sql)
    .await
    .expect("the read is written down");
    let Alarmed::Change(change) = said().await else {
        panic!("the alarm must come")
    };
    assert_eq!(change.alarms, [alarm]);

    let crossed = Keeper::open(&desk, end.resume_token).await;
    assert_eq!(
        violated_fields(&crossed.err().expect("a token of another stream")),
        ["resume_token"]
    );
}
