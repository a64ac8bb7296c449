//! What nobody is sure of in the scene: a blank in doubt, and a card that was reported too late.

use uuid::Uuid;

use crate::support::{
    look,
    office::{Client, Office},
    people::key,
};

use super::scene::FIRST_BLANK;

/// A request in doubt, with its blank; and the incident of one that was reported under a lease that had run out, with
/// its request.
pub async fn set(
    office: &Office,
    terminal: &mut Client,
    people: [String; 2],
) -> ((String, i64), (String, String)) {
    terminal.submit(&people).await;
    let leases = terminal.lease(2).await.leases;
    terminal.bind(&leases[..1], FIRST_BLANK + 20).await;
    sqlx::raw_sql("update print_request set lease_expires_at = clock_timestamp() where state in ('LEASED', 'BOUND')")
        .execute(&office.sql)
        .await
        .expect("leases can run out");
    look::until_none(
        &office.sql,
        "print_request where state in ('LEASED', 'BOUND')",
    )
    .await;
    terminal.report(&leases[1..], FIRST_BLANK + 21).await;
    let incident: Uuid = sqlx::query_scalar("select incident_id from print_incident")
        .fetch_one(&office.sql)
        .await
        .expect("a late report is an incident");
    let doubtful = key(&leases[0]).print_request_id;
    let held = key(&leases[1]).print_request_id;
    ((doubtful, FIRST_BLANK + 20), (incident.to_string(), held))
}
