//! The statements of a changed record and of a life event.
//!
//! The person's row is the lock of both. It is locked without its key: whoever writes a row that refers to the person (a
//! card that is reported, say) need not wait, whoever relies on the person's facts (for share) must.

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::Row;
use crate::{
    error::{Error, Result},
    ids::{District, ResidentId, Sex, Subdistrict, Village},
    registration::{
        Effect, Enrolment, EnrolmentReason, EnrolmentState, Life, LifeEvent, LifeEventKind, Served,
    },
};

/// A person under lock, the record still sealed.
pub struct SealedServed {
    /// What decisions see.
    pub served: Served,
    /// The sealed person.
    pub sealed: Vec<u8>,
    /// The birth date.
    pub birth_date: Date,
    /// The sex.
    pub sex: Sex,
    /// Where the person lives.
    pub village: Village,
}

/// Locks a person of a district, and then the enrolment; another subdistrict's than the limit is left out.
#[tracing::instrument(name = "sql.lock_served", skip_all)]
pub async fn lock_served(
    db: &mut PgConnection,
    resident: ResidentId,
    district: District,
    limit: Option<Subdistrict>,
) -> Result<Option<SealedServed>> {
    // The person first, as everybody who needs both: the second lock reads all of the first.
    let row = sqlx::query!(
        r#"
        with person as materialized (
            select r.resident_id, r.sealed, r.birth_date, r.sex, r.village, r.life
            from resident r
            where r.resident_id = $1 and r.district = $2 and ($3::integer is null or r.subdistrict = $3)
            for no key update
        )
        select e.enrolment_id, e.state as "state: EnrolmentState", p.sealed, p.birth_date, p.sex, p.village,
            p.life as "life: Life"
        from person p
        join enrolment e on e.resident_id = p.resident_id
        for no key update of e
        "#,
        resident.uuid(),
        district.number(),
        limit.map(Subdistrict::number),
    )
    .fetch_optional(db)
    .await?;
    let corrupt = |what: &'static str| Error::corrupt("resident", what);
    row.map(|row| {
        Ok(SealedServed {
            served: Served {
                resident_id: resident,
                enrolment_id: row.enrolment_id.into(),
                enrolment: row.state,
                life: row.life,
            },
            sealed: row.sealed,
            birth_date: row.birth_date,
            sex: match row.sex.as_str() {
                "FEMALE" => Sex::Female,
                "MALE" => Sex::Male,
                _ => return Err(corrupt("sex")),
            },
            village: Village::from_number(row.village).map_err(|_| corrupt("village"))?,
        })
    })
    .transpose()
}

/// Saves a locked person's record and what follows for the enrolment; answers the enrolment and the identity's version.
#[tracing::instrument(name = "sql.save_resident", skip_all)]
pub async fn save_resident(
    db: &mut PgConnection,
    new: &SealedServed,
    has_phone: bool,
    effect: Effect,
    at: OffsetDateTime,
) -> Result<Enrolment> {
    // The receipt stays, and with it the place in the nation's order: the person has waited already.
    let row = sqlx::query_as!(
        Row,
        r#"
        with person as (
            update resident
            set subdistrict = $2, village = $3, birth_date = $4, sex = $5, sealed = $6, has_phone = $7,
                identity_version = identity_version + $8::boolean::integer,
                facts_version = facts_version + $9::boolean::integer
            where resident_id = $1
            returning resident_id, life
        )
        update enrolment as e
        set subdistrict = $2, village = $3,
            state = case when $10 then 'SENT' else e.state end,
            reason = case when $10 then 'AWAITING_CENTRE' else e.reason end,
            state_at = case when $10 then $11 else e.state_at end,
            check_expires_at = case when $10 then null else e.check_expires_at end
        from person p
        where e.resident_id = p.resident_id
        returning e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at, p.life as "life: Life"
        "#,
        new.served.resident_id.uuid(),
        new.village.subdistrict().number(),
        new.village.number(),
        new.birth_date,
        super::records::sex(new.sex),
        new.sealed,
        has_phone,
        effect.identity,
        effect.facts,
        effect.send_again,
        at,
    )
    .fetch_one(db)
    .await?;
    row.try_into()
}

/// Writes an event and what becomes of the locked person; answers the enrolment.
#[tracing::instrument(name = "sql.save_life_event", skip_all)]
pub async fn save_life_event(
    db: &mut PgConnection,
    event: &LifeEvent,
    life: Life,
    at: OffsetDateTime,
) -> Result<Enrolment> {
    let (kind, destination) = match event.kind {
        LifeEventKind::Death => ("DEATH", None),
        LifeEventKind::MoveOut { destination } => ("MOVE_OUT", Some(destination.number())),
    };
    let row = sqlx::query_as!(
        Row,
        r#"
        with person as (
            update resident set life = $2 where resident_id = $1 returning resident_id, district, life
        ), told as (
            insert into life_event (
                life_event_id, district, resident_id, kind, event_on, document_number, destination, recorded_at
            )
            select $3, district, resident_id, $4, $5, $6, $7, $8 from person
        )
        select e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at, p.life as "life: Life"
        from enrolment e
        join person p on p.resident_id = e.resident_id
        "#,
        event.resident_id.uuid(),
        life as Life,
        Uuid::now_v7(),
        kind,
        event.event_on,
        event.document_number,
        destination,
        at,
    )
    .fetch_one(db)
    .await?;
    row.try_into()
}
