//! placeholder
pub mod areas;
pub mod cli;
pub mod ids;
pub mod proto;
