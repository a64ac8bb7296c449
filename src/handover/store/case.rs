//! A collection with all that hangs on it, read in one statement behind its lock.
//!
//! Not part of the locking statement: one that waited for the lock would still see challenge and handover as they were
//! before it waited, and a second attempt would miss the first one's receipt.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;
use crate::{
    error::{Error, Result},
    handover::{Case, Challenge, Collection, CollectionState, Nonce, NoticeState, Receipt},
    ids::{CollectionId, IncidentId, ResidentId},
    person::Life,
};

/// All that is known of a locked collection.
#[tracing::instrument(name = "sql.find_case", skip_all)]
pub async fn find_case(db: &mut PgConnection, id: CollectionId) -> Result<Case> {
    let row = sqlx::query_as!(
        CaseRow,
        r#"
        select c.collection_id, c.print_request_id, c.serial, c.location, c.district, c.village, c.resident_id,
            r.life as "life: Life", (
                -- Across, into the print queue: a card that a fenced printer reported may be in somebody's hand.
                select i.incident_id from print_request o
                join print_incident i on i.print_request_id = o.print_request_id and i.state = 'OPEN'
                where o.resident_id = c.resident_id
                order by i.reported_at, i.incident_id
                limit 1
            ) as incident,
            c.state as "state: CollectionState", coalesce(n.state, 'CONTACT_TASK') as "notice!: NoticeState", c.opened_at,
            ch.challenge_id as "challenge_id?", ch.terminal as "challenger?", ch.nonce as "nonce?",
            ch.failed_matches as "failed_matches?", ch.expires_at <= clock_timestamp() as "expired?",
            h.challenge_id as "answered_id?", h.terminal as "terminal?", h.handed_over_at as "handed_over_at?",
            h.certificate_surrendered as "certificate_surrendered?"
        from collection c
        join resident r on r.resident_id = c.resident_id
        left join notice n using (collection_id)
        left join challenge ch using (collection_id)
        left join handover h using (collection_id)
        where c.collection_id = $1
        "#,
        id.uuid(),
    )
    .fetch_one(db)
    .await?;
    row.try_into()
}

/// A collection's case as one row: of a joined table all columns are there, or none.
struct CaseRow {
    collection_id: Uuid,
    print_request_id: Uuid,
    serial: i64,
    location: i32,
    district: i32,
    village: i64,
    resident_id: Uuid,
    life: Life,
    incident: Option<Uuid>,
    state: CollectionState,
    notice: NoticeState,
    opened_at: OffsetDateTime,
    challenge_id: Option<Uuid>,
    challenger: Option<String>,
    nonce: Option<Vec<u8>>,
    failed_matches: Option<i32>,
    expired: Option<bool>,
    answered_id: Option<Uuid>,
    terminal: Option<String>,
    handed_over_at: Option<OffsetDateTime>,
    certificate_surrendered: Option<bool>,
}

impl TryFrom<CaseRow> for Case {
    type Error = Error;

    fn try_from(row: CaseRow) -> Result<Self> {
        let challenge = match (
            row.challenge_id,
            row.challenger,
            row.nonce,
            row.failed_matches,
            row.expired,
        ) {
            (
                Some(challenge_id),
                Some(terminal),
                Some(nonce),
                Some(failed_matches),
                Some(expired),
            ) => {
                let nonce = Nonce::from_bytes(&nonce)
                    .ok_or_else(|| Error::corrupt("challenge", challenge_id))?;
                Some(Challenge {
                    challenge_id: challenge_id.into(),
                    terminal,
                    nonce,
                    failed_matches,
                    expired,
                })
            }
            _ => None,
        };
        let collection: Collection = Row {
            collection_id: row.collection_id,
            print_request_id: row.print_request_id,
            serial: row.serial,
            location: row.location,
            district: row.district,
            village: row.village,
            state: row.state,
            notice: row.notice,
            opened_at: row.opened_at,
        }
        .try_into()?;
        let receipt = match (
            row.answered_id,
            row.terminal,
            row.handed_over_at,
            row.certificate_surrendered,
        ) {
            (
                Some(challenge_id),
                Some(terminal),
                Some(handed_over_at),
                Some(certificate_surrendered),
            ) => Some(Receipt {
                collection_id: collection.collection_id,
                serial: collection.serial,
                challenge_id: challenge_id.into(),
                terminal,
                handed_over_at,
                certificate_surrendered,
            }),
            _ => None,
        };
        if receipt.is_some() != (collection.state == CollectionState::HandedOver) {
            return Err(Error::corrupt("collection", collection.collection_id));
        }
        Ok(Self {
            collection,
            resident_id: ResidentId::from(row.resident_id),
            life: row.life,
            incident: row.incident.map(IncidentId::from),
            challenge,
            receipt,
        })
    }
}
