//! The generated contract, and its descriptor for reflection and for the tests that walk over all RPCs.
#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "the generator writes allow attributes of its own"
)]

tonic::include_proto!("ektp.v1");
include!(concat!(env!("OUT_DIR"), "/servers/ektp.v1.rs"));

/// The compiled contract with its comments.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/ektp_descriptor.bin"));
