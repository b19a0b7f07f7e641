//! `standdown simulate`: a scenario's simulated AWS for any client.

use std::io::Write as _;
use std::net::SocketAddr;

use super::{CliError, SUCCESS, rehearse::scenario};
use crate::rehearsal::{MOST_SYNTHETIC, Scenario, Simulator, World};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The scenario: a name from `standdown rehearse --list`, or a file. Without one, nothing
    /// happens in the account.
    #[arg(required_unless_present = "alarms")]
    scenario: Option<String>,
    /// Serve so many synthetic alarms, beside the scenario's own, to measure with.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_SYNTHETIC)))]
    alarms: u32,
    /// The share of the synthetic alarms that change their state every ten seconds, from 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    changing: f64,
    /// Where to listen; a loopback address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4599")]
    listen: SocketAddr,
    /// How many scenario seconds pass in a second.
    #[arg(long, default_value_t = 1.0, value_parser = super::rehearse::speed)]
    speed: f64,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a number from 0 to 1".into()),
    }
}

pub(super) async fn run(arguments: Arguments) -> Result<u8, CliError> {
    let scenario = match &arguments.scenario {
        Some(name) => scenario(name)?,
        None => Scenario::quiet(),
    };
    let scenario = scenario.with_synthetic(arguments.alarms, arguments.changing);
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
