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

/// Officers and terminals have stories of their own.
const ADMINISTRATION: &str = "/ektp.v1.Administration/";

/// The RPCs about people, requests, blanks and cards.
fn swept() -> Vec<Method> {
    let mut methods = methods();
    methods.retain(|method| !method.path.starts_with(ADMINISTRATION));
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
