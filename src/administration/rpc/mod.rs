//! The gRPC face of Administration: each method opens the call, parses, and hands the act to the desk or reads a page.
//!
//! What is easily got wrong: whatever is slow or elsewhere (a PIN's hash, a provider's keys) is asked before the act, and
//! judged inside it, after the request id was claimed: a repeat gets its first answer, also when it would be refused now.

mod policies;
mod proofs;

use tonic::{Request, Response, Status};

use crate::{
    administration::{Account, Pins, Terminal, steps, store, watch, wire},
    approval,
    authority::{Renewal, RenewalError},
    error::{Error, ErrorReason, Violation},
    feed::Hub,
    openid::Providers,
    paging, policy,
    proto::{self, administration_server::Administration},
    work::{Call, Desk},
};

/// The service.
#[derive(Clone)]
pub struct AdministrationService {
    desk: Desk,
    hub: Hub,
    pins: Pins,
    renewal: Renewal,
    providers: Providers,
}

impl AdministrationService {
    /// The service over a desk; who renews certificates, and who else proves officers.
    pub fn new(desk: Desk, hub: Hub, renewal: Renewal, providers: Providers) -> Self {
        let pins = Pins::new(desk.keys().clone());
        Self {
            desk,
            hub,
            pins,
            renewal,
            providers,
        }
    }

    /// What ended in this act is known here at once; the other servers ask within a second.
    async fn look<T>(&self, answered: Result<Response<T>, Status>) -> Result<Response<T>, Status> {
        if answered.is_ok() {
            self.desk.access().look_now().await;
        }
        answered
    }
}

#[tonic::async_trait]
impl Administration for AdministrationService {
    async fn register_officer(
        &self,
        request: Request<proto::RegisterOfficerRequest>,
    ) -> Result<Response<proto::RegisterOfficerResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/RegisterOfficer")?;
        let (request_id, registration) = wire::register_officer(&message)?;
        let hash = match &registration.initial_pin {
            Some(pin) => Some(self.pins.hash(pin).await?),
            None => None,
        };
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let asked = steps::register_officer(work, &registration, hash).await?;
                    Ok(proto::RegisterOfficerResponse {
                        approval: Some(wire::approval(&asked)),
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn end_officer(
        &self,
        request: Request<proto::EndOfficerRequest>,
    ) -> Result<Response<proto::EndOfficerResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/EndOfficer")?;
        let (request_id, officer_id) = wire::end_officer(&message)?;
        let ended = self.desk.act(call, request_id, &message, move |work| {
            Box::pin(async move {
                let ended = steps::end_officer(work, officer_id).await?;
                Ok(proto::EndOfficerResponse {
                    officer: Some(wire::officer(&ended)),
                    committed_revision: 0,
                })
            })
        });
        self.look(ended.await).await
    }

    async fn list_officers(
        &self,
        request: Request<proto::ListOfficersRequest>,
    ) -> Result<Response<proto::ListOfficersResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ListOfficers")?;
        let whose = steps::listed(&call.caller, wire::listed(&message.district)?)?;
        let list = format!("{} {whose:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut rows = store::list_officers(read.db(), whose, after, size + 1).await?;
        let next_page_token =
            paging::cut(self.desk.keys(), &list, &mut rows, size, |row: &Account| {
                row.badge.clone()
            });
        Ok(Response::new(proto::ListOfficersResponse {
            officers: rows.iter().map(wire::officer).collect(),
            next_page_token,
        }))
    }

    async fn open_shift(
        &self,
        request: Request<proto::OpenShiftRequest>,
    ) -> Result<Response<proto::OpenShiftResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/OpenShift")?;
        let (request_id, credential) = wire::open_shift(&message)?;
        self.desk.limits().attempt_shift(&call.caller)?;
        let proof = self.prove(&call, credential).await?;
        let opened = self.desk.act(call, request_id, &message, |work| {
            Box::pin(async move {
                let shift = steps::open(work, proof).await?;
                Ok(wire::open_shift_response(&shift))
            })
        });
        self.look(opened.await).await
    }

    async fn close_shift(
        &self,
        request: Request<proto::CloseShiftRequest>,
    ) -> Result<Response<proto::CloseShiftResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/CloseShift")?;
        let request_id = wire::close_shift(&message)?;
        let closed = self.desk.act(call, request_id, &message, |work| {
            Box::pin(async move {
                let at = steps::close(work).await?;
                Ok(wire::close_shift_response(at))
            })
        });
        self.look(closed.await).await
    }

    async fn approve(
        &self,
        request: Request<proto::ApproveRequest>,
    ) -> Result<Response<proto::ApproveResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/Approve")?;
        let (request_id, approval_id, shown) = wire::approve(&message)?;
        let approved = self.desk.act(call, request_id, &message, move |work| {
            Box::pin(async move {
                let done = steps::approve(work, approval_id, &shown).await?;
                Ok(proto::ApproveResponse {
                    approval: Some(wire::approval(&done)),
                    committed_revision: 0,
                })
            })
        });
        self.look(approved.await).await
    }

    async fn list_pending_approvals(
        &self,
        request: Request<proto::ListPendingApprovalsRequest>,
    ) -> Result<Response<proto::ListPendingApprovalsResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ListPendingApprovals")?;
        let area = approval::area(&call.caller);
        let list = format!("{} {area:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.as_deref().map(wire::cursor).transpose()?;
        let size = paging::size(message.page_size);
        let mut rows = match area {
            Some(area) => {
                let mut read = self.desk.read(&call).await?;
                approval::list_pending(read.db(), area, after, size + 1).await?
            }
            None => Vec::new(),
        };
        let next_page_token =
            paging::cut(self.desk.keys(), &list, &mut rows, size, wire::cursor_text);
        Ok(Response::new(proto::ListPendingApprovalsResponse {
            approvals: rows.iter().map(wire::approval).collect(),
            next_page_token,
        }))
    }

    async fn propose_policy(
        &self,
        request: Request<proto::ProposePolicyRequest>,
    ) -> Result<Response<proto::ProposePolicyResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ProposePolicy")?;
        let (request_id, sketch) = policy::checked(policy::wire::propose_policy(&message))?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let proposed = policy::propose(work, sketch).await?;
                    Ok(proto::ProposePolicyResponse {
                        policy: Some(policy::wire::version(&proposed)),
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn activate_policy(
        &self,
        request: Request<proto::ActivatePolicyRequest>,
    ) -> Result<Response<proto::ActivatePolicyResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ActivatePolicy")?;
        let (request_id, version, purpose) = policy::wire::activate_policy(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = policy::ask_to_activate(work, version, purpose).await?;
                    Ok(proto::ActivatePolicyResponse {
                        approval: Some(wire::approval(&asked)),
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn list_policies(
        &self,
        request: Request<proto::ListPoliciesRequest>,
    ) -> Result<Response<proto::ListPoliciesResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ListPolicies")?;
        Ok(Response::new(self.policies(&call, &message).await?))
    }

    async fn revoke_terminal(
        &self,
        request: Request<proto::RevokeTerminalRequest>,
    ) -> Result<Response<proto::RevokeTerminalResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/RevokeTerminal")?;
        let (request_id, terminal, purpose) = wire::revoke_terminal(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let asked = steps::revoke_terminal(work, &terminal, purpose).await?;
                    Ok(proto::RevokeTerminalResponse {
                        approval: Some(wire::approval(&asked)),
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn list_terminals(
        &self,
        request: Request<proto::ListTerminalsRequest>,
    ) -> Result<Response<proto::ListTerminalsResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/ListTerminals")?;
        let whose = steps::listed(&call.caller, wire::listed(&message.district)?)?;
        let list = format!("{} {whose:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call).await?;
        let mut rows = store::list_terminals(read.db(), whose, after, size + 1).await?;
        let next_page_token = paging::cut(
            self.desk.keys(),
            &list,
            &mut rows,
            size,
            |row: &Terminal| row.terminal.clone(),
        );
        Ok(Response::new(proto::ListTerminalsResponse {
            terminals: rows.iter().map(wire::terminal).collect(),
            next_page_token,
        }))
    }

    type WatchAuditHeadsStream = watch::AuditHeadsStream;

    async fn watch_audit_heads(
        &self,
        request: Request<proto::WatchAuditHeadsRequest>,
    ) -> Result<Response<Self::WatchAuditHeadsStream>, Status> {
        let (call, message) = Call::open(request, "Administration/WatchAuditHeads")?;
        let standing = self.desk.access().standing(&call.caller);
        let stream = watch::watch_audit_heads(&self.hub, standing, &call, message)?;
        Ok(Response::new(stream))
    }

    type WatchAlarmsStream = watch::AlarmsStream;

    async fn watch_alarms(
        &self,
        request: Request<proto::WatchAlarmsRequest>,
    ) -> Result<Response<Self::WatchAlarmsStream>, Status> {
        let (call, message) = Call::open(request, "Administration/WatchAlarms")?;
        let standing = self.desk.access().standing(&call.caller);
        let stream = watch::watch_alarms(&self.hub, standing, &call, message)?;
        Ok(Response::new(stream))
    }

    async fn renew_terminal(
        &self,
        request: Request<proto::RenewTerminalRequest>,
    ) -> Result<Response<proto::RenewTerminalResponse>, Status> {
        let (call, message) = Call::open(request, "Administration/RenewTerminal")?;
        let (request_id, asked) = wire::renew_terminal(&message)?;
        let renewal = self.renewal.clone();
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let renewed = renewal.renew(&asked, &work.caller().principal);
                    let renewed = renewed.map_err(not_renewed)?;
                    work.touch("terminal", work.caller().name());
                    Ok(wire::renew_terminal_response(&renewed))
                })
            })
            .await
    }
}

fn not_renewed(error: RenewalError) -> Error {
    match error {
        RenewalError::Elsewhere => Error::refused(ErrorReason::RenewalElsewhere, error.to_string()),
        RenewalError::Request(rule) => Error::invalid(vec![Violation {
            field: "certificate_request".to_owned(),
            rule: rule.to_owned(),
        }]),
        RenewalError::Authority(error) => Error::internal(error.to_string()),
    }
}
