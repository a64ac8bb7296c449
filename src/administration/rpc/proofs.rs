//! What is asked before a shift opens, because it is slow or elsewhere: a PIN's hash, a provider's keys.
//!
//! What is easily got wrong: nothing is judged here. The proof goes into the act, which judges it behind its request id.

use crate::{
    administration::{
        Badge, Pin, PinProof, TokenProof,
        rpc::AdministrationService,
        steps::Proof,
        store::{self, PinFound},
        wire::Credential,
    },
    clock::Clock,
    error::{Error, Result},
    openid,
    work::Call,
};

impl AdministrationService {
    pub(super) async fn prove(&self, call: &Call, credential: Credential) -> Result<Proof> {
        match credential {
            Credential::Pin {
                badge,
                pin,
                new_pin,
            } => self
                .try_pin(call, badge, pin, new_pin)
                .await
                .map(Proof::Pin),
            Credential::Token(token) => {
                let certificate = call.caller.certificate;
                let certificate =
                    certificate.ok_or_else(|| Error::internal("a call without a certificate"))?;
                // A token's time is the world's, whatever the office's clock shows.
                let now = Clock::System.now();
                let district = call.caller.ledger();
                let verified = self
                    .providers
                    .verify(district, &token, &certificate, now)
                    .await;
                Ok(Proof::Token(match verified {
                    Ok(verified) => Ok(TokenProof {
                        subject: verified.subject,
                        ends_at: verified.ends_at,
                    }),
                    Err(because) => Err(openid::refused(because)),
                }))
            }
        }
    }

    async fn try_pin(
        &self,
        call: &Call,
        badge: Badge,
        pin: Pin,
        new_pin: Option<Pin>,
    ) -> Result<PinProof> {
        let mut read = self.desk.read(call).await?;
        let district = call.caller.ledger();
        let found = store::find_pin_hash(read.db(), district, &badge).await?;
        drop(read);
        let tried = match found {
            PinFound::Locked => None,
            PinFound::Hash(hash) => {
                let fits = self.pins.fits(&pin, hash.clone()).await?;
                hash.map(|hash| (hash, fits))
            }
        };
        let replacement = match (&tried, new_pin) {
            (Some((_, true)), Some(new_pin)) => Some(self.pins.hash(&new_pin).await?),
            (Some(_) | None, Some(_) | None) => None,
        };
        Ok(PinProof {
            badge,
            tried,
            replacement,
        })
    }
}
