//! The integration tests: one binary, so that one link step and one set of shared servers serve them all.

mod support;
mod telemetry;
