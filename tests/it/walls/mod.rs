//! The walls between districts: the database shows a transaction the rows of its scope and no others, whatever the
//! application asks for; and the application keeps the districts apart where the database does not.
//!
//! What is easily got wrong: each of the two would hide a hole in the other, so each is tried alone ([`alone`]), and the
//! sweep is first shown to see a hole.

mod alone;
mod catalogue;
mod same_way;
mod scope;
mod serving;

use sqlx::{ConnectOptions as _, PgConnection};

use crate::{
    support::office::Office,
    sweep::{Method, methods},
};

/// The neighbour who tries.
const FOREIGN: &str = "ektp://district/35.76/site/office/terminal/1";

/// What these answer is about who calls, or about all districts together; no district's things are asked for.
const OF_NO_DISTRICT: [&str; 5] = [
    "OpenShift",
    "CloseShift",
    "RenewTerminal",
    "WatchAuditHeads",
    // The rules are everybody's to read.
    "ListPolicies",
];

/// The RPCs that are asked for a district's things.
fn swept() -> Vec<Method> {
    let mut methods = methods();
    methods.retain(|method| {
        let name = method.path.rsplit('/').next().unwrap_or_default();
        !OF_NO_DISTRICT.contains(&name)
    });
    methods
}

/// A session as a role.
async fn session(office: &Office, role: &str) -> PgConnection {
    office
        .database_as(role)
        .connect()
        .await
        .expect("the role may connect")
}

/// The SQLSTATE with which a statement is refused, or nothing.
async fn refused(db: &mut PgConnection, statement: &str) -> Option<String> {
    let result = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(db)
        .await;
    result.err().map(|error| {
        let database = error.as_database_error();
        let code = database.and_then(|database| database.code());
        code.unwrap_or_default().into_owned()
    })
}
