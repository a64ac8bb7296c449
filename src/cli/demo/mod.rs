//! One day at a district's office, replayed on the real server. The people, their names and their numbers are invented.

mod names;
pub mod people;
#[derive(Debug, clap::Args)]
pub struct Demo {}
pub async fn run(_: Demo) -> Result<(), super::Failure> {
    Ok(())
}
