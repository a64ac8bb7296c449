//! The program as auditors and operators run it on an office's database, and what its superuser could do there.

use std::process::Stdio;

use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tokio::process::Command;

use super::{Folder, office::Office};

impl Office {
    /// Runs the program on the office's database, with this data folder: whether it ended well, and what it printed.
    pub async fn ektp(&self, folder: &Folder, arguments: &[&str]) -> (bool, String) {
        let options = self.sql.connect_options();
        let output = Command::new(env!("CARGO_BIN_EXE_ektp"))
            .args(arguments)
            .env("EKTP_DATA", folder.path())
            .env("DATABASE_URL", options.to_url_lossy().as_str())
            // What is asked is what it says to people, however much this run logs.
            .env("EKTP_LOG", "warn")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("the program can be started");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }

    /// What the superuser of the database can do.
    pub async fn tamper(&self, sql: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(sql.into()))
            .execute(&self.sql)
            .await
            .expect("a superuser may do anything");
    }
}
