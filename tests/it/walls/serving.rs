//! `ektp serve` refuses a role for which the walls do not hold.

use std::process::Command;

use ektp::{db, embedded};
use sqlx::ConnectOptions as _;

use crate::support::{Folder, office::Office};

use super::{refused, session};

#[tokio::test]
async fn a_role_above_the_walls_is_known_as_one() {
    let office = Office::open().await;
    for (role, above) in [(embedded::OWNER, true), (db::SERVE_ROLE, false)] {
        let mut db = session(&office, role).await;
        let answer = db::stands_above_walls(&mut db).await.expect("an answer");
        assert_eq!(answer, above, "{role}");
    }
    // One who may become the owner, and one whom no policy binds.
    let suffix = uuid::Uuid::new_v4().simple().to_string();
    let mut admin = session(&office, embedded::OWNER).await;
    for (name, rights) in [
        ("member", "in role ektp noinherit"),
        ("bypass", "bypassrls"),
    ] {
        let role = format!("{name}_{suffix}");
        let made = refused(&mut admin, &format!("create role {role} login {rights}")).await;
        assert_eq!(made, None);
        let mut db = session(&office, &role).await;
        assert!(
            db::stands_above_walls(&mut db).await.expect("an answer"),
            "{rights}"
        );
        drop(db);
        refused(&mut admin, &format!("drop role {role}")).await;
    }
}

#[tokio::test]
async fn serve_with_the_owners_address_says_what_to_do() {
    let office = Office::open().await;
    let folder = Folder::new();
    let address = office.database_as(embedded::OWNER).to_url_lossy();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_ektp"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .env("DATABASE_URL", address.as_str())
            .output()
            .expect("the binary runs")
    })
    .await
    .expect("it ends");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("ektp migrate") && said.contains(db::SERVE_ROLE),
        "{said}"
    );
}
