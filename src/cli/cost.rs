//! `standdown cost`: what an hour of watching costs.
#![expect(
    clippy::print_stderr,
    reason = "the edge: what was not counted is said here"
)]

use std::io::Write as _;
use std::sync::Arc;

use super::{CliError, SUCCESS, live, printable};
use crate::alarms::{Cost, Watched, fetch};
use crate::aws::Place;
use crate::config::Settings;
use crate::incident::AlarmState;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How many alarms there are; counted at AWS unless given.
    #[arg(long, value_name = "N")]
    alarms: Option<usize>,
    /// How many of them are in ALARM; 1 in 50 unless given or counted.
    #[arg(long, value_name = "N")]
    in_alarm: Option<usize>,
    /// How many are in view at a time.
    #[arg(long, value_name = "N", default_value_t = 48)]
    visible: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    let (alarms, burning) = match arguments.alarms {
        Some(alarms) => (alarms, arguments.in_alarm.unwrap_or(alarms.div_ceil(50))),
        None => count(settings).await?,
    };
    let sources = settings.watched().len();
    let cost = Cost::of(Watched {
        alarms,
        burning,
        visible: arguments.visible.min(alarms),
        sources,
        interval: settings.refresh.value,
    });
    if arguments.json {
        return super::print_json(&cost);
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "An hour of watching {alarms} alarms in {sources} place(s), {burning} of them in ALARM, one refresh in {}:\n",
        humantime::format_duration(settings.refresh.value)
    )?;
    for line in &cost.lines {
        writeln!(
            out,
            "  {:<32} {:>8.0} calls  ${:>7.4}  {}",
            line.action, line.calls, line.dollars, line.because
        )?;
    }
    writeln!(
        out,
        "\n  {:<32} {:>8.0} calls  ${:>7.4}\n",
        "together", cost.calls, cost.dollars
    )?;
    writeln!(
        out,
        "Prices: us-east-1, https://aws.amazon.com/cloudwatch/pricing/, before the million requests a month\nthat are free. Logs Insights is billed by what it scans, and runs only when a playbook asks for it."
    )?;
    Ok(SUCCESS)
}

/// Counts the alarms of all sources; two lists each.
async fn count(settings: &Settings) -> Result<(usize, usize), CliError> {
    let pool = live::pool(settings);
    let (mut alarms, mut burning) = (0, 0);
    let (mut failed, mut read_any) = (None, false);
    for watch in settings.watched() {
        let place = Place::new(&watch.profile, &watch.region);
        let read = async {
            let aws = Arc::clone(&pool).at(&place).await?;
            let all = fetch(&aws, None, &settings.redactor()).await?;
            Ok::<_, CliError>(all)
        };
        let all = match read.await {
            Ok(all) => all,
            Err(error) => {
                eprintln!(
                    "standdown: {place} is not counted: {}",
                    printable(&error.to_string())
                );
                failed = Some(error);
                continue;
            }
        };
        read_any = true;
        alarms += all.len();
        burning += all
            .iter()
            .filter(|seen| seen.alarm.state == AlarmState::Alarm)
            .count();
    }
    match failed {
        Some(error) if !read_any => Err(error),
        _ => Ok((alarms, burning)),
    }
}
