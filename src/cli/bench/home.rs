//! Where a bench's database is: in a private Postgres with full durability, or in a database of its own on a server that
//! was named.
//!
//! What is easily got wrong: on a named server nothing but that database and its role may be touched, and both have to be
//! gone afterwards however the bench ended. So whoever opens a home closes it, also after a failure.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use uuid::Uuid;

use crate::{
    cli::{Failure, demo::folder::Folder},
    db,
    embedded::{self, Durability, Embedded},
};

/// The private server's database.
const DATABASE: &str = "bench";

/// A bench's database.
pub struct Home {
    owner: PgConnectOptions,
    serving: PgConnectOptions,
    place: Place,
    folder: Folder,
}

enum Place {
    Private(Embedded),
    /// On a server of somebody else's.
    Named {
        /// As who was named, in the database that was named.
        maintenance: PgConnectOptions,
        /// The bench's own database, and the role that serves there.
        database: String,
        role: String,
    },
}

impl Home {
    /// A private Postgres for so many connections, or a new database on the server that is named.
    pub async fn open(database_url: Option<&str>, connections: u32) -> Result<Self, Failure> {
        let home = match database_url {
            Some(url) => Self::named(url).await?,
            None => Self::private(connections).await?,
        };
        match db::migrate(&home.owner).await {
            Ok(_) => {}
            Err(error) => {
                home.close().await?;
                return Err(error.into());
            }
        }
        match home.give_role().await {
            Ok(()) => Ok(home),
            Err(failure) => {
                home.close().await?;
                Err(failure)
            }
        }
    }

    async fn private(connections: u32) -> Result<Self, Failure> {
        let folder = Folder::open(None)?;
        let embedded = Embedded::start(&embedded::Settings {
            data: folder.path.clone(),
            durability: Durability::Full,
            max_connections: connections,
        })?;
        let mut maintenance = embedded
            .connect_options("postgres", embedded::OWNER)
            .connect()
            .await?;
        maintenance.execute("create database bench").await?;
        Ok(Self {
            owner: embedded.connect_options(DATABASE, embedded::OWNER),
            serving: embedded.connect_options(DATABASE, db::SERVE_ROLE),
            place: Place::Private(embedded),
            folder,
        })
    }

    async fn named(url: &str) -> Result<Self, Failure> {
        let maintenance = db::options_of(url)?.disable_statement_logging();
        let name = format!("ektp_bench_{}", Uuid::new_v4().simple());
        let folder = Folder::open(None)?;
        let mut db = maintenance.connect().await?;
        db.execute(AssertSqlSafe(format!("create database {name}")))
            .await?;
        Ok(Self {
            owner: maintenance.clone().database(&name),
            serving: maintenance.clone().database(&name).username(&name),
            place: Place::Named {
                maintenance,
                database: name.clone(),
                role: name,
            },
            folder,
        })
    }

    /// The role of a named server: one that has what `ektp_serve` has, with a password of its own for as long as this runs.
    async fn give_role(&self) -> Result<(), Failure> {
        let Place::Named { role, .. } = &self.place else {
            return Ok(());
        };
        let mut db = self.owner.connect().await?;
        let make = format!(
            "create role {role} login password '{role}' in role {serve}; grant connect on database {role} to {role}",
            serve = db::SERVE_ROLE
        );
        db.execute(AssertSqlSafe(make)).await?;
        Ok(())
    }

    /// As the owner, whom the walls do not bind.
    pub fn owner(&self) -> &PgConnectOptions {
        &self.owner
    }

    /// As the role that serves.
    pub fn serving(&self) -> PgConnectOptions {
        match &self.place {
            Place::Private(_) => self.serving.clone(),
            Place::Named { role, .. } => self.serving.clone().password(role),
        }
    }

    /// The password of [`Self::serving`]; the private server asks for none.
    pub fn serving_password(&self) -> &str {
        match &self.place {
            Place::Private(_) => "",
            Place::Named { role, .. } => role,
        }
    }

    /// A folder for the bench's own files; everybody may enter it.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder.path
    }

    /// Stops the private server, or drops the database and the role.
    pub async fn close(self) -> Result<(), Failure> {
        match self.place {
            Place::Private(embedded) => Ok(embedded.stop()?),
            Place::Named {
                maintenance,
                database,
                role,
            } => {
                let mut db = maintenance.connect().await?;
                drop_all(&mut db, &database, &role).await
            }
        }
    }
}

async fn drop_all(db: &mut PgConnection, database: &str, role: &str) -> Result<(), Failure> {
    for statement in [
        format!("drop database if exists {database} with (force)"),
        format!("drop role if exists {role}"),
    ] {
        db.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}
