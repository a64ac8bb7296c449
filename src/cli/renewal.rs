//! A terminal that renews its own certificate, from the middle of its life on, as long as it runs.
//!
//! What is easily got wrong: the old certificate stays good to its end, so nothing here is urgent, and nothing here may stop
//! the terminal's work. A renewal that fails is tried again, later each time.

use std::{convert::Infallible, path::Path, time::Duration};

use rand::RngExt as _;
use tokio::{sync::watch, time::sleep};

use crate::{
    authority::{Identity, Request},
    clock::Clock,
    proto::{RenewTerminalRequest, RenewTerminalResponse},
};

use super::{
    Failure,
    client::{self, Terminal},
};

/// The middle is looked for at least so often: the machine's clock may be set, and another program may renew the files.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// Terminals whose certificates were made together renew them within this share of their life, not all at once.
const SPREAD: f64 = 0.05;
/// The first renewal that failed is tried again within this; the bound doubles each time.
const RETRY_DELAY: Duration = Duration::from_secs(60);
/// And never exceeds this: half a certificate's life has many tries.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60 * 60);

/// The certificate of a folder, kept good.
pub struct Renewal<'a> {
    server: &'a str,
    folder: &'a Path,
    /// The certificate that is in use.
    current_pem: String,
    terminal: watch::Sender<Terminal>,
    spread: f64,
}

impl<'a> Renewal<'a> {
    /// With the certificate that is in the folder now.
    pub fn begin(server: &'a str, folder: &'a Path) -> Result<Self, Failure> {
        let identity = Identity::read_from(folder)?;
        let terminal = Terminal::with_identity(server, &identity)?;
        Ok(Self {
            server,
            folder,
            current_pem: identity.certificate_pem,
            terminal: watch::Sender::new(terminal),
            spread: rand::rng().random_range(0.0..=SPREAD),
        })
    }

    /// The terminal; another one as soon as there is a new certificate.
    pub fn terminal(&self) -> watch::Receiver<Terminal> {
        self.terminal.subscribe()
    }

    /// Renews as long as the terminal runs.
    pub async fn keep(mut self) -> Infallible {
        let mut failures = 0;
        loop {
            match self.step().await {
                Ok(pause) => {
                    failures = 0;
                    sleep(pause).await;
                }
                Err(cause) => {
                    failures += 1;
                    tracing::warn!(%cause, "the certificate was not renewed");
                    sleep(client::backoff(RETRY_DELAY, RETRY_DELAY_MAX, failures)).await;
                }
            }
        }
    }

    /// Uses what is in the folder, and renews it if that is due; answers when to look again.
    async fn step(&mut self) -> Result<Duration, Failure> {
        let identity = Identity::read_from(self.folder)?;
        if identity.certificate_pem != self.current_pem {
            let terminal = Terminal::with_identity(self.server, &identity)?;
            self.terminal.send_replace(terminal);
            self.current_pem.clone_from(&identity.certificate_pem);
        }
        let left = due(&identity, self.spread)
            .ok_or_else(|| Failure::Call("the certificate's end cannot be read".to_owned()))?;
        if left.is_zero() {
            self.renew(identity.ca_pem).await?;
        }
        Ok(left.min(LOOK_EVERY))
    }

    /// Gets a certificate for a new key, and writes both into the folder.
    async fn renew(&self, ca_pem: String) -> Result<(), Failure> {
        let request = Request::new()?;
        let message = RenewTerminalRequest {
            request_id: client::request_id(),
            certificate_request: request.der,
        };
        let terminal = self.terminal.borrow().clone();
        let answer: RenewTerminalResponse = terminal
            .administration(message, |mut client, message| async move {
                client.renew_terminal(message).await
            })
            .await?;
        let renewed = Identity {
            certificate_pem: answer.certificate,
            key_pem: request.key_pem,
            ca_pem,
        };
        // What cannot be used must not replace what can.
        Terminal::with_identity(self.server, &renewed)?;
        Ok(renewed.replace_in(self.folder)?)
    }
}

/// How long until the certificate is to be renewed.
fn due(identity: &Identity, spread: f64) -> Option<Duration> {
    let (begins_at, ends_at) = identity.validity()?;
    let middle = begins_at + (ends_at - begins_at) * (0.5 + spread);
    // Certificates live in real time. A negative time is none.
    Some(Duration::try_from(middle - Clock::System.now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use time::Duration as Span;

    use super::*;
    use crate::authority::Authority;

    #[test]
    fn a_certificate_is_due_from_the_middle_of_its_life_on() {
        let folder = tempfile::tempdir().expect("the temp folder is writable");
        let now = Clock::System.now();
        let authority = Authority::open_or_create(folder.path(), now).expect("a new authority");
        let principal = "ektp://centre/store".parse().expect("an identity");
        for (age, is_due) in [
            (Span::ZERO, false),
            (Span::days(3), false),
            (Span::days(4), true),
            (Span::days(9), true),
        ] {
            let identity = authority
                .terminal_identity(&principal, Span::days(7), now - age)
                .expect("a certificate");
            let left = due(&identity, 0.0).expect("its own certificate");
            assert_eq!(left == Duration::ZERO, is_due, "{age}");
            assert!(due(&identity, SPREAD).expect("the same") >= left);
        }
    }
}
