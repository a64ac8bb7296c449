//! What every call passes before its service sees it, in this order: its trace begins, its caller is known and may call,
//! its deadline is set. A refused call is answered from its headers alone; nothing of its body has been read.
//!
//! What is easily got wrong: TLS has checked *that* a certificate is ours and valid today, not *whose* it is; that is
//! read here, from its subject alternative name. And no layer here may end a stream: streams end themselves.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::{
    access::{Access, shift_unknown, terminal_revoked},
    admission::Admission,
    caller::{CLOSE_SHIFT, Caller, Class, Nature, Officers, Right, Verdict, right},
    deadline::Deadline,
    error::{Error, ErrorReason, Kind, Result},
    ids::{District, ShiftId},
    quota::Limits,
    transport::Peer,
};

mod call;
#[cfg(debug_assertions)]
mod fooled;
mod patience;
mod unread;

pub use call::CALLS;
#[cfg(debug_assertions)]
pub use fooled::Checks;
pub use unread::unread;

use call::{Call, CountedBody, final_code};

/// The metadata by which a call names the officer's shift.
pub const SHIFT: &str = "ektp-shift";

/// Puts [`Edge`] before the services.
#[derive(Clone)]
pub struct EdgeLayer {
    access: Access,
    limits: Arc<Limits>,
    acts: Admission,
    reads: Admission,
}

impl EdgeLayer {
    /// A layer that knows who still may, how much, and how many wait for the acts and for the reads.
    pub fn new(
        access: Access,
        limits: Arc<Limits>,
        (acts, reads): (&Admission, &Admission),
    ) -> Self {
        Self {
            access,
            limits,
            acts: acts.clone(),
            reads: reads.clone(),
        }
    }
}

/// The service made by [`EdgeLayer`]. Services behind it find a [`Caller`] and a [`Deadline`] in the extensions.
#[derive(Clone)]
pub struct Edge<S> {
    inner: S,
    gate: EdgeLayer,
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge {
            inner,
            gate: self.clone(),
        }
    }
}

impl<S> Service<Request<Body>> for Edge<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut call = Call::begin(&request);
        let admitted = match known_caller(&request) {
            Ok(caller) => caller,
            Err(refusal) => {
                call.refused(&refusal);
                return Box::pin(ready(Ok(refusal.into_http())));
            }
        };
        call.name_caller(&admitted);
        let deadline = Deadline::of_call(request.headers());
        // The one that has been asked whether it is ready; the clone has not.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let gate = self.gate.clone();
        let peer = request.extensions().get::<Peer>().cloned();
        let peer = peer.expect("the caller is known from it");
        let span = call.span.clone();
        Box::pin(async move {
            let (path, shift) = (request.uri().path(), request.headers().get(SHIFT));
            let line = right(path);
            let admitted = gate.admit(admitted, path, (shift, deadline));
            let caller = match admitted.instrument(span.clone()).await {
                Ok(caller) => caller,
                Err(refusal) => {
                    let refusal = span.in_scope(|| Status::from(refusal));
                    call.refused(&refusal);
                    return Ok(refusal.into_http());
                }
            };
            call.name_officer(&caller);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(deadline);
            if let Some(class) = line.and_then(|right| right.class) {
                request.extensions_mut().insert(class);
            }
            let request = request.map(|body| patience::until(deadline, line, body));
            let answer = span.in_scope(|| inner.call(request)).instrument(span);
            let mut response = answer.await.inspect_err(|_| call.code = Code::Internal)?;
            if let Some(refusal) = unread::instead(response.headers()) {
                response = refusal.into_http();
            }
            // Only an answer without a body has its status in the headers.
            if let Some(code) = final_code(response.headers()) {
                call.code = code;
            }
            Ok(response.map(|body| Body::new(peer.answer(CountedBody { body, call }))))
        })
    }
}

impl EdgeLayer {
    /// The caller with its officer, if it may call this now. Nothing of the body is looked at.
    async fn admit(
        &self,
        mut caller: Caller,
        path: &str,
        (shift, deadline): (Option<&HeaderValue>, Deadline),
    ) -> Result<Caller> {
        #[cfg(debug_assertions)]
        if caller.certified.is_some() {
            return Ok(caller);
        }
        if let Some(certificate) = &caller.certificate
            && self.access.is_revoked(&caller.principal, certificate)
        {
            return Err(terminal_revoked());
        }
        let right = right(path).ok_or_else(|| forbidden(&caller, path))?;
        // Whoever may not call at all learns nothing more by a shift.
        if !right.callers.contains(&caller.role) {
            return Err(forbidden(&caller, path));
        }
        self.has_room(right, caller.ledger(), deadline)?;
        if right.officers != Officers::None
            && let Some(shift) = shift
        {
            let shift = shift
                .to_str()
                .ok()
                .and_then(|text| text.parse::<ShiftId>().ok())
                .ok_or_else(shift_unknown)?;
            // Whoever closed a shift and missed the answer asks again under it.
            caller.officer = Some(if right.path == CLOSE_SHIFT {
                self.access.officer_of_any(&caller, shift).await?
            } else {
                self.access.officer(&caller, shift).await?
            });
        }
        let roles = caller.officer.as_ref().map(|officer| &officer.roles[..]);
        match right.verdict(caller.role, roles) {
            Verdict::May => {}
            Verdict::MayNot => return Err(forbidden(&caller, path)),
            Verdict::NeedsShift => return Err(shift_required(path)),
        }
        self.limits.enter(&caller, right.nature)?;
        self.access.note(&caller).await;
        Ok(caller)
    }
}

impl EdgeLayer {
    /// Whether there is hope of a place: an overloaded server must say no before it has read, asked or hashed anything. The
    /// place itself is taken where the database is needed.
    fn has_room(&self, right: &Right, district: District, deadline: Deadline) -> Result<()> {
        let Some(class) = right.class else {
            return Ok(());
        };
        match right.nature {
            Nature::Write => self.acts.look(class, district, deadline),
            Nature::Read => {
                if class == Class::Lists {
                    self.acts.give_way(class, district)?;
                }
                self.reads.look(class, district, deadline)
            }
            // A stream lives longer than a line, and waits in it when it needs to.
            Nature::Stream => Ok(()),
        }
    }
}

/// Whose connection it is. The certificate was read when that began.
fn known_caller<B>(request: &Request<B>) -> Result<Caller, Status> {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.ok_or_else(|| unknown_certificate("a client certificate is required"))?;
    peer.note_call();
    if let Some(why) = peer.ended() {
        return Err(why.clone().into());
    }
    let caller = peer.caller().clone();
    let caller = caller.map_err(|cause| unknown_certificate(&cause.to_string()))?;
    #[cfg(debug_assertions)]
    if let Some(fooled) = fooled::fool(&caller, request.extensions(), request.headers()) {
        return Ok(fooled);
    }
    Ok(caller)
}

fn unknown_certificate(sentence: &str) -> Status {
    tracing::info!(cause = sentence, "call refused: unknown certificate");
    Error::new(
        Kind::Unauthenticated,
        ErrorReason::CertificateUnknown,
        sentence,
    )
    .into()
}

fn forbidden(caller: &Caller, path: &str) -> Error {
    tracing::info!(caller = %caller.principal, "call refused: the role may not call this");
    let message = "the caller's role may not call this method";
    let role = caller.officer.as_ref().map_or_else(
        || format!("{:?}", caller.role).to_lowercase(),
        |officer| {
            let roles: Vec<&str> = officer.roles.iter().map(|role| role.label()).collect();
            roles.join(",")
        },
    );
    Error::new(Kind::Forbidden, ErrorReason::RoleMayNotCall, message)
        .with("role", role)
        .with("method", known(path))
}

fn shift_required(path: &str) -> Error {
    let message = "an officer must open a shift first; hand it in as ektp-shift";
    Error::new(Kind::Unauthenticated, ErrorReason::ShiftRequired, message)
        .with("method", known(path))
}

/// A path of the contract; any other one is the client's own words, which are not repeated.
fn known(path: &str) -> &'static str {
    right(path).map_or("unknown", |right| right.path)
}

#[cfg(test)]
mod tests;
