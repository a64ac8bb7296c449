//! A signed head as the contract carries it.

use super::Head;
use crate::{proto, wire::timestamp};

impl From<&Head> for proto::AuditHead {
    fn from(head: &Head) -> Self {
        Self {
            number: head.number.unsigned_abs(),
            made_time: Some(timestamp(head.made_at)),
            rows: head.rows.unsigned_abs(),
            root: head.root.to_vec(),
            prior_root: head.prior_root.map(Vec::from).unwrap_or_default(),
            signature: head.signature.to_vec(),
            public_key: head.public_key.to_vec(),
        }
    }
}
