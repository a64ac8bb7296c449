//! The generated contract.
tonic::include_proto!("ektp.v1");
