//! An approval as the contract carries it, for every feature that has acts of two persons.

use super::{Approval, State};
use crate::{
    proto,
    wire::{district_text, timestamp},
};

/// An approval as the contract carries it.
pub fn approval(approval: &Approval) -> proto::Approval {
    let state = match approval.state {
        State::Pending => proto::ApprovalState::Pending,
        State::Done => proto::ApprovalState::Done,
    };
    proto::Approval {
        approval_id: approval.approval_id.to_string(),
        method: approval.method.clone(),
        summary: approval.summary.clone(),
        purpose: approval.purpose.clone(),
        district: district_text(approval.district),
        approving_office: approval
            .approving_office
            .map(district_text)
            .unwrap_or_default(),
        requested_by: approval.author_badge.clone(),
        requested_time: Some(timestamp(approval.requested_at)),
        expire_time: Some(timestamp(approval.expires_at())),
        content_digest: approval.content_digest.clone(),
        state: state.into(),
        approved_by: approval.approver_badge.clone().unwrap_or_default(),
        resource: approval.resource.clone().unwrap_or_default(),
    }
}
