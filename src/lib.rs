//! placeholder
pub mod authority;
pub mod caller;
pub mod edge;
pub mod ids;
pub mod proto;
pub mod telemetry;
