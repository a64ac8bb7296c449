//! stand-in
#[derive(Debug, clap::Args)]
pub struct Follow {}
pub async fn run(_: Follow) -> Result<(), super::Failure> {
    Ok(())
}
