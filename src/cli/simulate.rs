//! `standdown simulate`: a scenario's simulated AWS for any client.

use std::io::Write as _;
use std::net::SocketAddr;

use super::{CliError, SUCCESS, rehearse::scenario};
use crate::rehearsal::{Simulator, World};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The scenario: a name from `standdown rehearse --list`, or a file.
    scenario: String,
    /// Where to listen; a loopback address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4599")]
    listen: SocketAddr,
    /// How many scenario seconds pass in a second.
    #[arg(long, default_value_t = 1.0, value_parser = super::rehearse::speed)]
    speed: f64,
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, CliError> {
    let scenario = scenario(&arguments.scenario)?;
    let world = World::new(scenario, chrono::Utc::now(), arguments.speed);
    let simulator = Simulator::listen(world, arguments.listen).await?;
    let world = &simulator.world;
    {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "serving {} on {}",
            world.scenario.id,
            simulator.endpoint()
        )?;
        writeln!(
            out,
            "  AWS_ENDPOINT_URL={0} AWS_REGION={1} AWS_DEFAULT_REGION={1} AWS_ACCESS_KEY_ID=rehearsal AWS_SECRET_ACCESS_KEY=rehearsal standdown",
            simulator.endpoint(),
            world.scenario.region,
        )?;
        for fix in &world.scenario.fixes {
            let Some(step) = &fix.confirmed else {
                continue;
            };
            writeln!(
                out,
                "  curl -d '{{\"step\":\"{}\"}}' {}/_standdown/confirm   # {}",
                step,
                simulator.endpoint(),
                fix.id
            )?;
        }
        out.flush()?;
    }
    tokio::select! {
        () = simulator.forever() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    Ok(SUCCESS)
}
