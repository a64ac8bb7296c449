//! One throwaway Postgres for all tests of a run, and a database of its own for every test.
//!
//! `cargo test` runs all tests in one process, `cargo nextest` each in its own; both get one cluster without any set-up:
//! every test process holds a shared lock, the first one starts this binary again as the *supervisor* that runs the
//! server, and the supervisor ends when for a moment nobody has held the lock. A run that is killed leaves nothing
//! running; its folder is removed by the next run. Easily got wrong: the kernel frees locks by itself, so a file that
//! exists says nothing; only its lock does.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process,
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use ektp::embedded::{self, Durability, Embedded, Settings};
use nix::unistd::geteuid;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{Folder, again, hear, tell};

/// Makes the test of this name below the supervisor.
const SUPERVISOR: &str = "support::cluster::the_shared_cluster_is_served_when_asked";
const SUPERVISOR_VARIABLE: &str = "EKTP_IT_SUPERVISOR";

/// How long the server stays after the last test process: nextest starts the next one well within it.
const LINGER: Duration = Duration::from_secs(2);

/// From starting the supervisor to its answer, the stop of an earlier one included; usually half a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// A test server uses up to four pools, and as many tests run at once as there are cores, or processes of nextest.
const CONNECTIONS: u32 = 300;

/// This process's part in the shared cluster.
struct Cluster {
    socket: PathBuf,
    /// Held, never read: while it is locked the supervisor stays.
    _user: File,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// A database of one test, dropped with this value.
pub struct TestDatabase {
    name: String,
    cluster: &'static Cluster,
}

impl TestDatabase {
    /// As its owner, whom the walls do not bind.
    pub fn options(&self) -> PgConnectOptions {
        self.options_of(embedded::OWNER)
    }

    /// As a role.
    pub fn options_of(&self, role: &str) -> PgConnectOptions {
        embedded::connect_options(&self.cluster.socket, &self.name, role)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (options, name) = (
            embedded::connect_options(&self.cluster.socket, "postgres", embedded::OWNER),
            self.name.clone(),
        );
        // A thread with its own runtime, for the test's runtime may be about to end. Waited for: 400 databases left to
        // the end of a run take 4 GB.
        let dropping = thread::spawn(move || -> Result<(), sqlx::Error> {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(async {
                    let mut admin = PgConnection::connect_with(&options).await?;
                    run(
                        &mut admin,
                        format!("drop database if exists {name} with (force)"),
                    )
                    .await
                })
        });
        if let Ok(Err(error)) = dropping.join() {
            eprintln!("the test's database was not dropped: {error}");
        }
    }
}

/// A fresh copy of the template, which `prepare` fills when no test of this run has done it yet.
///
/// `template` is part of the name of a database (lower-case letters, digits, underscores); name it after what
/// `prepare` does, for instance by the checksum of the migrations.
pub async fn database(template: &str, prepare: impl AsyncFnOnce(PgConnectOptions)) -> TestDatabase {
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(join))
        .await
        .expect("the cluster can be joined");
    let template = format!("template_{template}");
    let mut admin = PgConnection::connect_with(&embedded::connect_options(
        &cluster.socket,
        "postgres",
        embedded::OWNER,
    ))
    .await
    .expect("the shared cluster answers");
    if !exists(&mut admin, &template).await {
        make_template(&mut admin, cluster, &template, prepare).await;
    }
    let name = format!("test_{}", Uuid::new_v4().simple());
    // Copying files is far quicker than the default (writing every page to the log) for a template of this size.
    run(
        &mut admin,
        format!("create database {name} template {template} strategy file_copy"),
    )
    .await
    .expect("the template can be copied");
    TestDatabase { name, cluster }
}

/// One process makes the template while the others wait; it gets its name only when it is whole.
async fn make_template(
    admin: &mut PgConnection,
    cluster: &Cluster,
    template: &str,
    prepare: impl AsyncFnOnce(PgConnectOptions),
) {
    let lock = format!("advisory_lock(hashtextextended('{template}', 0))");
    run(admin, format!("select pg_{lock}"))
        .await
        .expect("the shared cluster answers");
    if !exists(admin, template).await {
        let making = format!("making_{template}");
        run(
            admin,
            format!("drop database if exists {making} with (force)"),
        )
        .await
        .expect("it is ours");
        run(admin, format!("create database {making}"))
            .await
            .expect("the name is free");
        prepare(embedded::connect_options(
            &cluster.socket,
            &making,
            embedded::OWNER,
        ))
        .await;
        // Waits up to five seconds for the sessions of `prepare` to end.
        run(
            admin,
            format!("alter database {making} rename to {template}"),
        )
        .await
        .expect("`prepare` has disconnected");
    }
    run(
        admin,
        format!("select pg_{}", lock.replacen("lock", "unlock", 1)),
    )
    .await
    .expect("the shared cluster answers");
}

async fn exists(admin: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(database)
        .fetch_one(admin)
        .await
        .expect("the shared cluster answers")
}

async fn run(admin: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(admin)
        .await
        .map(drop)
}

/// The files by which the processes agree lie in the build's own folder for such things, one set per user.
fn agreed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{}.{name}", geteuid()))
}

fn open(name: &str) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(agreed(name))
        .expect("the build's folder is writable")
}

/// Joins the cluster that runs, or has it started.
fn join() -> Cluster {
    let mut user = open("users");
    user.lock_shared().expect("the file system has locks");
    // Each newcomer makes the file longer: so the supervisor sees that somebody came and went while it was not looking.
    user.write_all(b".")
        .expect("the build's folder is writable");

    // Held until this function returns: one process at a time decides whether to start a supervisor.
    let start = open("start");
    start.lock().expect("the file system has locks");
    let known = fs::read_to_string(agreed("state")).ok();
    let running = open("supervisor").try_lock().is_err();
    let socket = match known {
        Some(state) if running => state
            .lines()
            .nth(1)
            .map(PathBuf::from)
            .expect("the state has two lines"),
        Some(left_behind) => {
            // The supervisor of an earlier run was killed: its server has ended with it, its folder is still there.
            drop(fs::remove_dir_all(
                left_behind.lines().next().expect("the state has two lines"),
            ));
            drop(fs::remove_file(agreed("state")));
            start_supervisor()
        }
        None => start_supervisor(),
    };
    Cluster {
        socket,
        _user: user,
    }
}

fn start_supervisor() -> PathBuf {
    // Its own process group and no pipe to our output: a pipe held by a straggler would keep `cargo test | less` open.
    let mut child = again(SUPERVISOR, SUPERVISOR_VARIABLE, "1")
        .process_group(0)
        .stderr(File::create(agreed("log")).expect("the build's folder is writable"))
        .spawn()
        .expect("this binary can be started again");
    match hear(&mut child, PATIENCE)
        .as_deref()
        .map(|said| said.split_once(' '))
    {
        Some(Some(("socket", path))) => PathBuf::from(path),
        Some(Some((_, reason))) => panic!("the tests' database did not start: {reason}"),
        Some(None) | None => panic!(
            "the tests' database did not start, see {}",
            agreed("log").display()
        ),
    }
}

/// Not a test: the supervisor's process. As a test of an ordinary run it has nothing to do.
#[test]
fn the_shared_cluster_is_served_when_asked() {
    if env::var_os(SUPERVISOR_VARIABLE).is_none() {
        return;
    }
    supervise();
    // Without returning to the harness, whose last words would go into a pipe that nobody reads any more.
    process::exit(0);
}

fn supervise() {
    let supervisor = open("supervisor");
    // An earlier supervisor may be just stopping.
    supervisor.lock().expect("the file system has locks");
    let folder = Folder::new();
    let settings = Settings {
        data: folder.join("data"),
        durability: Durability::Throwaway,
        max_connections: CONNECTIONS,
    };
    let server = match Embedded::start(&settings) {
        Ok(server) => server,
        Err(error) => {
            tell(&format!("failed {error}"));
            return;
        }
    };
    let socket = server.socket_folder().display();
    fs::write(
        agreed("state"),
        format!("{}\n{socket}\n", folder.path().display()),
    )
    .expect("the build's folder is writable");
    if tell(&format!("socket {socket}")) {
        serve_until_idle();
    } else {
        drop(fs::remove_file(agreed("state")));
    }
    server.stop().expect("the tests' database stops");
}

/// Returns when nobody has used the cluster for a while, having withdrawn it from those who come now.
fn serve_until_idle() {
    let users = open("users");
    let (_never, timer) = mpsc::channel::<()>();
    loop {
        users.lock().expect("the file system has locks");
        let before = visits(&users);
        users.unlock().expect("the file system has locks");
        let _ = timer.recv_timeout(LINGER);

        let start = open("start");
        start.lock().expect("the file system has locks");
        if visits(&users) == before && users.try_lock().is_ok() {
            drop(fs::remove_file(agreed("state")));
            drop(users.set_len(0));
            return;
        }
    }
}

fn visits(users: &File) -> u64 {
    users.metadata().as_ref().map_or(0, fs::Metadata::len)
}

#[tokio::test]
async fn each_test_has_a_copy_of_the_template_to_itself() -> Result<(), sqlx::Error> {
    let prepare = async |options: PgConnectOptions| {
        let mut session = PgConnection::connect_with(&options)
            .await
            .expect("the new database answers");
        run(&mut session, "create table note (words text)".to_owned())
            .await
            .expect("it is empty");
        session.close().await.expect("nothing is under way");
    };
    let (one, other) = tokio::join!(database("notes", prepare), database("notes", prepare));
    let mut in_one = PgConnection::connect_with(&one.options()).await?;
    let mut in_other = PgConnection::connect_with(&other.options()).await?;
    run(
        &mut in_one,
        "insert into note values ('only here')".to_owned(),
    )
    .await?;
    let seen: i64 = sqlx::query_scalar("select count(*) from note")
        .fetch_one(&mut in_other)
        .await?;
    assert_eq!(seen, 0);

    let name = one.name.clone();
    drop(one);
    let gone = sqlx::query_scalar("select not exists (select from pg_database where datname = $1)")
        .bind(name);
    assert!(
        gone.fetch_one(&mut in_other).await?,
        "a test's database is dropped with its guard"
    );
    Ok(())
}
