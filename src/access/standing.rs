//! What a stream asks as long as it runs: whether its certificate, its terminal and its shift are still good.

use time::OffsetDateTime;
use tokio::{sync::watch, time::sleep};

use super::{Access, shift_unknown, terminal_revoked};
use crate::{
    caller::{Caller, Certificate, Principal},
    clock::Clock,
    error::{Error, ErrorReason, Kind, Result},
    ids::ShiftId,
};

/// A busy stream, which never waits, ends so much after its shift at the latest.
const GRACE: time::Duration = time::Duration::seconds(2);

/// The least time between two looks at a shift's end.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_millis(250);

/// The right of one stream.
pub struct Standing {
    access: Access,
    principal: Principal,
    certificate: Option<Certificate>,
    /// The shift, and when it ends by itself.
    shift: Option<(ShiftId, OffsetDateTime)>,
    ended: watch::Receiver<u64>,
}

impl Standing {
    pub(super) fn new(access: Access, caller: &Caller) -> Self {
        Self {
            ended: access.watch(),
            access,
            principal: caller.principal.clone(),
            certificate: caller.certificate,
            shift: caller
                .officer
                .as_ref()
                .map(|officer| (officer.shift_id, officer.ends_at)),
        }
    }

    /// Whether it still holds.
    pub fn check(&self) -> Result<()> {
        let now = Clock::System.now();
        if let Some(certificate) = &self.certificate {
            if self.access.is_revoked(&self.principal, certificate) {
                return Err(terminal_revoked());
            }
            if certificate.ends_at <= now {
                let message = "the certificate has ended; connect with a renewed one";
                let reason = ErrorReason::CertificateEnded;
                return Err(Error::new(Kind::Unauthenticated, reason, message));
            }
        }
        match self.shift {
            Some((shift, ends_at)) if ends_at + GRACE <= now || self.access.is_closed(shift) => {
                Err(shift_unknown())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// At its end the shift is looked at once more: a token may have prolonged it meanwhile.
    async fn prolonged(&mut self) -> Result<()> {
        if let Some((shift, ends_at)) = self.shift
            && ends_at <= Clock::System.now()
        {
            // Boxed, because it is rare: each connection and each stream waits here, and would carry the room that a
            // question to the database needs for as long as it lasts.
            let ends_at = Box::pin(self.access.end_of(shift)).await?;
            self.shift = Some((shift, ends_at));
        }
        Ok(())
    }

    /// Waits until it holds no more; answers why.
    pub async fn lost(&mut self) -> Error {
        loop {
            let holds = match self.check() {
                Ok(()) => self.prolonged().await,
                lost @ Err(_) => lost,
            };
            if let Err(why) = holds {
                return why;
            }
            let ends = [
                self.certificate.map(|certificate| certificate.ends_at),
                self.shift.map(|(_, ends_at)| ends_at),
            ];
            let left = ends.into_iter().flatten().min().map_or_else(
                || std::time::Duration::MAX,
                |at| std::time::Duration::try_from(at - Clock::System.now()).unwrap_or_default(),
            );
            // Where the database's clock is behind ours, an end that has come is not one yet.
            let left = left.max(ASK_AGAIN);
            tokio::select! {
                changed = self.ended.changed() => {
                    if changed.is_err() {
                        // The server is gone with its knowledge; its streams are ended by the drain.
                        std::future::pending::<()>().await;
                    }
                }
                () = sleep(left) => {}
            }
        }
    }
}
