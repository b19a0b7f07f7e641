use super::CliError;
use super::rehearse::Stage;
use crate::config::Settings;
use crate::journal::Summary;
pub(super) async fn run(_s: &Settings) -> Result<u8, CliError> { Ok(0) }
pub(super) async fn rehearse(_s: Stage, _u: Option<Summary>, _se: &Settings) -> Result<u8, CliError> { Ok(0) }
