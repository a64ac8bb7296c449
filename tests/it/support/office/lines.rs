//! The ways of an office's callers to its servers: certificates, connections, and the officers on shift at them.

use std::sync::Arc;

use ektp::{
    authority,
    caller::{OfficerRole, Principal},
    clock::Clock,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use uuid::Uuid;

use super::{Client, Office};
use crate::support::officers::{self, Line, OnShift};

impl Office {
    /// Any principal at the n-th server; where people work, with an officer who may do everything there.
    pub async fn client(&self, server: usize, principal: &str) -> Client {
        let shift = if officers::is_staffed(principal) {
            Some(self.shift(principal).await)
        } else {
            None
        };
        self.client_of(server, principal, shift).await
    }

    /// The same in this shift, or with nobody.
    pub async fn client_of(&self, server: usize, principal: &str, shift: Option<Uuid>) -> Client {
        Client::over(Line::new(
            self.connect(server, principal).await,
            OnShift(shift),
        ))
    }

    /// The same with an officer of these roles alone, or with nobody.
    pub async fn client_as(
        &self,
        server: usize,
        principal: &str,
        roles: Option<&[OfficerRole]>,
    ) -> Client {
        let shift = match roles {
            Some(roles) => {
                let identity = self.identity(principal);
                Some(officers::open_shift(&self.sql, &identity.certificate_pem, roles).await)
            }
            None => None,
        };
        self.client_of(server, principal, shift).await
    }

    /// A connection to the n-th server with the principal's certificate.
    async fn connect(&self, server: usize, principal: &str) -> Channel {
        self.endpoint(server, principal)
            .connect()
            .await
            .expect("the server answers")
    }

    /// The one shift of the principal's everyday officer.
    pub async fn shift(&self, principal: &str) -> Uuid {
        let mut shifts = self.shifts.lock().await;
        if let Some(shift) = shifts.get(principal) {
            return *shift;
        }
        let identity = self.identity(principal);
        let roles = &officers::ALL_BUT_CONTRACTOR;
        let shift = officers::open_shift(&self.sql, &identity.certificate_pem, roles).await;
        shifts.insert(principal.to_owned(), shift);
        shift
    }

    /// The principal's one certificate.
    pub fn identity(&self, principal: &str) -> Arc<authority::Identity> {
        let mut identities = self.identities.lock().expect("nobody panicked with it");
        let identity = identities.entry(principal.to_owned()).or_insert_with(|| {
            let principal: Principal = principal.parse().expect("a principal");
            let identity = super::authority()
                .terminal_identity(&principal, time::Duration::hours(1), Clock::System.now())
                .expect("the authority signs");
            Arc::new(identity)
        });
        Arc::clone(identity)
    }

    /// The way to the n-th server with the certificate of a principal.
    pub fn endpoint(&self, server: usize, principal: &str) -> Endpoint {
        self.endpoint_of(server, &self.identity(principal))
    }

    /// The way to the n-th server with a certificate.
    pub fn endpoint_of(&self, server: usize, identity: &authority::Identity) -> Endpoint {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(super::authority().ca_pem()))
            .identity(Identity::from_pem(
                &identity.certificate_pem,
                &identity.key_pem,
            ))
            .domain_name("localhost");
        Endpoint::from_shared(format!("https://{}", self.servers[server].address()))
            .and_then(|endpoint| endpoint.tls_config(tls))
            .expect("the address is one")
    }
}
