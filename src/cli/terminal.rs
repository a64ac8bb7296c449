//! `ektp terminal`: follows a district's queue, in place on a screen or line by line for scripts, for as long as it runs.
//!
//! What is easily got wrong: only a refusal ends it. A broken line, a restarted server and the end of a stream's life are
//! all the same to it: it comes back with the last token, and the first change must fit the revision it holds. Its
//! certificate it renews itself, and then it comes back with the new one.

use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

use rand::RngExt as _;
use time::OffsetDateTime;
use tokio::sync::watch;
use tonic::{Code, Status, Streaming};

use crate::{
    ids::District,
    proto::{WatchQueueRequest, WatchQueueResponse},
};

use super::{
    Failure,
    client::{self, Terminal},
    picture::{Picture, Told},
    renewal::Renewal,
    screen::{Lines, Screen},
};

/// The first reconnect comes within this; the bound doubles each time.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);
/// And never exceeds this: a person waits in front of the window.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest pause that a draining server may ask for.
const DRAIN_PAUSE_MAX: Duration = Duration::from_secs(120);
/// A person does not read faster than the screen is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(150);

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Follow {
    /// The server, e.g. https://127.0.0.1:50575
    #[arg(long, value_name = "URL", default_value = "https://127.0.0.1:50575")]
    server: String,
    /// The folder with terminal.pem, terminal-key.pem and ca.pem, as `ektp certificate` writes it
    #[arg(long, value_name = "FOLDER")]
    certificate: PathBuf,
    /// The district, e.g. 35.75; a district's terminal follows its own without saying so
    #[arg(long, value_name = "CODE")]
    district: Option<District>,
    /// One line for each message, as when the output is no terminal
    #[arg(long)]
    plain: bool,
}

/// Where what is told is shown.
enum Output {
    Screen(Screen),
    Lines(Lines),
}

impl Output {
    fn told(&mut self, picture: &Picture, told: &Told) {
        match self {
            Self::Screen(screen) => screen.told(told),
            Self::Lines(lines) => lines.told(picture, told),
        }
    }

    fn notice(&mut self, notice: &str) {
        match self {
            Self::Screen(screen) => screen.notice(notice),
            Self::Lines(lines) => lines.notice(notice),
        }
    }

    fn draw(&mut self, picture: &Picture) {
        match self {
            Self::Screen(screen) => screen.draw(picture),
            Self::Lines(_) => {}
        }
    }
}

/// Follows until Ctrl-C, a refusal or a gap.
pub async fn run(command: Follow) -> Result<(), Failure> {
    let renewal = Renewal::begin(&command.server, &command.certificate)?;
    let district = command
        .district
        .map(|district| district.to_string())
        .unwrap_or_default();
    let mut output = if command.plain || !std::io::stdout().is_terminal() {
        Output::Lines(Lines)
    } else {
        Output::Screen(Screen::new(
            format!("{} {district}", command.server).trim_end(),
        ))
    };
    tokio::select! {
        ended = follow(renewal.terminal(), &district, &mut output) => ended,
        never = renewal.keep() => match never {},
        signal = tokio::signal::ctrl_c() => signal.map_err(Failure::Signal),
    }
}

async fn follow(
    mut terminal: watch::Receiver<Terminal>,
    district: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut picture = Picture::default();
    let mut tries = 0;
    loop {
        tries += 1;
        let request = WatchQueueRequest {
            district: district.to_owned(),
            resume_token: picture.token(),
        };
        picture.reconnected();
        let mut pause = client::backoff(RECONNECT_DELAY, RECONNECT_DELAY_MAX, tries);
        let mut client = terminal.borrow_and_update().print_queue_client();
        match client.watch_queue(request).await {
            Ok(stream) => {
                let ended = tokio::select! {
                    ended = listen(stream.into_inner(), &mut picture, output) => ended?,
                    Ok(()) = terminal.changed() => Ended::renewed(),
                };
                if ended.heard {
                    tries = 0;
                    pause = client::backoff(RECONNECT_DELAY, RECONNECT_DELAY_MAX, 1);
                }
                pause = ended.drain.unwrap_or(pause);
                output.notice(&ended.words);
            }
            Err(status) => {
                refused(&status)?;
                output.notice(&client::in_words(&status));
            }
        }
        output.notice(&format!("reconnecting in {:.1} s", pause.as_secs_f64()));
        output.draw(&picture);
        tokio::time::sleep(pause).await;
    }
}

/// How a stream ended.
struct Ended {
    /// It told something, so the server is well.
    heard: bool,
    /// The pause that a draining server asked for.
    drain: Option<Duration>,
    words: String,
}

impl Ended {
    /// The stream was left for a connection with the new certificate.
    fn renewed() -> Self {
        Self {
            heard: true,
            drain: Some(Duration::ZERO),
            words: "the certificate was renewed".to_owned(),
        }
    }
}

async fn listen(
    mut stream: Streaming<WatchQueueResponse>,
    picture: &mut Picture,
    output: &mut Output,
) -> Result<Ended, Failure> {
    let mut ended = Ended {
        heard: false,
        drain: None,
        words: String::new(),
    };
    let mut redraw = tokio::time::interval(REDRAW_EVERY);
    let mut news = true;
    loop {
        let message = tokio::select! {
            message = stream.message() => message,
            _ = redraw.tick() => {
                if news {
                    output.draw(picture);
                }
                news = false;
                continue;
            }
        };
        news = true;
        match message {
            Ok(Some(message)) => {
                ended.heard = true;
                let told = picture.take(message)?;
                if let Told::Drain(after, spread) = told {
                    let random = rand::rng().random_range(Duration::ZERO..=spread);
                    ended.drain = Some((after + random).min(DRAIN_PAUSE_MAX));
                }
                output.told(picture, &told);
            }
            Ok(None) => {
                "the stream came to its end".clone_into(&mut ended.words);
                return Ok(ended);
            }
            Err(status) => {
                refused(&status)?;
                ended.words = client::in_words(&status);
                return Ok(ended);
            }
        }
    }
}

/// A refusal will be the same the next time; everything else may pass.
fn refused(status: &Status) -> Result<(), Failure> {
    let lasting = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
            | Code::FailedPrecondition
    );
    if lasting {
        Err(Failure::Call(client::in_words(status)))
    } else {
        Ok(())
    }
}

/// Hours, minutes and seconds of the database's time.
pub(super) fn clock_face(at: &prost_types::Timestamp) -> String {
    let instant =
        OffsetDateTime::from_unix_timestamp(at.seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:02}:{:02}:{:02} UTC",
        instant.hour(),
        instant.minute(),
        instant.second()
    )
}
