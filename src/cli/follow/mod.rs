//! A window that follows one of a district's streams: opens it, listens, and comes back, for as long as it runs.
//!
//! What is easily got wrong: only a refusal or a gap ends it. A broken line, a restarted server and the end of a stream's
//! life are all the same to it: it comes back with the last token, and the first change must fit the revision it holds. Its
//! certificate it renews itself, and then it comes back with the new one.

mod output;
mod picture;
mod watched;

use std::{convert::Infallible, future::Future, path::PathBuf, time::Duration};

use rand::RngExt as _;
use tokio::sync::watch;
use tonic::{Code, Status, Streaming};

use crate::ids::District;

use super::{
    Failure,
    client::{self, Terminal},
    renewal::Renewal,
};

use output::Output;

pub use output::View;
pub use picture::{Gap, Picture, Told};
pub use watched::Watched;

/// The first reconnect comes within this; the bound doubles each time.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);
/// And never exceeds this: a person waits in front of the window.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(10);
/// The longest pause that a draining server may ask for.
const DRAIN_PAUSE_MAX: Duration = Duration::from_secs(120);
/// A person does not read faster than the screen is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(150);

/// What every window is opened with.
#[derive(Debug, clap::Args)]
pub struct Window {
    /// The server, e.g. https://127.0.0.1:50575
    #[arg(long, value_name = "URL", default_value = "https://127.0.0.1:50575")]
    server: String,
    /// The folder with terminal.pem, terminal-key.pem and ca.pem, as `ektp certificate` writes it
    #[arg(long, value_name = "FOLDER")]
    pub certificate: PathBuf,
    /// The district, e.g. 35.75; a district's terminal follows its own without saying so
    #[arg(long, value_name = "CODE")]
    pub district: Option<District>,
    /// One line for each message, as when the output is no terminal
    #[arg(long)]
    plain: bool,
}

/// Follows until Ctrl-C, a refusal or a gap; what goes on beside it has the same terminal.
pub async fn run<V, B>(
    window: &Window,
    mut picture: Picture<V::Of>,
    view: V,
    beside: impl FnOnce(watch::Receiver<Terminal>) -> B,
) -> Result<(), Failure>
where
    V: View,
    B: Future<Output = Infallible>,
{
    let renewal = Renewal::begin(&window.server, &window.certificate)?;
    let district = window.district.map(|district| district.to_string());
    let district = district.unwrap_or_default();
    let title = format!("{} {district}", window.server);
    let mut output = Output::new(title.trim_end(), window.plain, view);
    let beside = beside(renewal.terminal());
    tokio::select! {
        ended = follow(renewal.terminal(), &district, &mut picture, &mut output) => ended,
        never = renewal.keep() => match never {},
        never = beside => match never {},
        signal = tokio::signal::ctrl_c() => signal.map_err(Failure::Signal),
    }
}

async fn follow<V: View>(
    mut terminal: watch::Receiver<Terminal>,
    district: &str,
    picture: &mut Picture<V::Of>,
    output: &mut Output<V>,
) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let token = picture.token();
        picture.reconnected();
        let mut pause = client::backoff(RECONNECT_DELAY, RECONNECT_DELAY_MAX, tries);
        let current = terminal.borrow_and_update().clone();
        match V::Of::watch(&current, district.to_owned(), token).await {
            Ok(stream) => {
                let ended = tokio::select! {
                    ended = listen(stream.into_inner(), picture, output) => ended?,
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
        output.draw(picture);
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

async fn listen<V: View>(
    mut stream: Streaming<<V::Of as Watched>::Response>,
    picture: &mut Picture<V::Of>,
    output: &mut Output<V>,
) -> Result<Ended, Failure> {
    let mut ended = Ended {
        heard: false,
        drain: None,
        words: String::new(),
    };
    let mut redraw = tokio::time::interval(REDRAW_EVERY);
    loop {
        let message = tokio::select! {
            message = stream.message() => message,
            _ = redraw.tick() => {
                output.refresh(picture);
                continue;
            }
        };
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
