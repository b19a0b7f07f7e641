//! `standdown theme`: lists themes, shows one in its colours, looks for mistakes in one.

use std::io::{IsTerminal as _, Write as _};

use super::looks::glyphs;
use super::paint::{begin, end};
use super::{CliError, FAILURE, SUCCESS, say};
use crate::config::{Depth, Settings};
use crate::document::render;
use crate::tui::{LEAST_CONTRAST, ROLES, Role, Theme, ThemeError};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the themes of the binary, with the least contrast of each.
    List {
        /// Print them as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show every role of a theme in its colours; the configured one unless named.
    Show {
        /// A name, or a file.
        theme: Option<String>,
        /// Print its file instead: what a theme of your own begins with.
        #[arg(long)]
        toml: bool,
    },
    /// Look for mistakes in a theme: errors with their lines, and what is hard to read.
    Check {
        /// A name, or a file.
        theme: String,
    },
}

fn usage(error: &ThemeError) -> CliError {
    match error {
        ThemeError::Unknown(_) => CliError::Usage(error.to_string()),
        _ => CliError::Said(error.to_string()),
    }
}

pub(super) fn run(arguments: &Arguments, settings: &Settings) -> Result<u8, CliError> {
    match &arguments.command {
        Command::List { json } => list(*json, settings),
        Command::Show { theme, toml } => {
            let name = theme.as_deref().unwrap_or(&settings.theme.value);
            if *toml {
                file(name)
            } else {
                show(name, settings)
            }
        }
        Command::Check { theme } => check(theme, settings),
    }
}

/// What a theme is, in a line of its own file.
fn compiled(name: &str) -> Result<Theme, CliError> {
    let source = Theme::source(name).map_err(|error| usage(&error))?;
    let (theme, problems) = Theme::compile(&source);
    if problems.iter().any(crate::document::Problem::is_error) {
        return Err(CliError::Said(format!(
            "the theme cannot be used:\n\n{}",
            render(&source, &problems, false)
        )));
    }
    Ok(theme)
}

fn least(theme: &Theme) -> Option<f64> {
    let all = theme.contrasts().into_iter().map(|(_, found)| found);
    all.min_by(f64::total_cmp)
}

fn list(json: bool, settings: &Settings) -> Result<u8, CliError> {
    let mut all = Vec::new();
    for name in Theme::names() {
        all.push((name, least(&compiled(name)?)));
    }
    if json {
        let each = all.iter().map(|(name, least)| {
            let used = settings.theme.value == *name;
            serde_json::json!({"name": name, "least_contrast": least, "used": used})
        });
        return super::print_json(&each.collect::<Vec<_>>());
    }
    for (name, least) in all {
        let contrast = least.map_or_else(
            || "no colours: bold, underlined and reversed".to_owned(),
            |least| format!("contrast {least:.1}:1 and more"),
        );
        let used = if settings.theme.value == name {
            "  (used)"
        } else {
            ""
        };
        say!("{name:<16}{contrast}{used}");
    }
    Ok(SUCCESS)
}

fn file(name: &str) -> Result<u8, CliError> {
    let source = Theme::source(name).map_err(|error| usage(&error))?;
    say!("{}", super::printable(&source.text));
    Ok(SUCCESS)
}

fn show(name: &str, settings: &Settings) -> Result<u8, CliError> {
    let depth = settings.color.value.depth(std::io::stdout().is_terminal());
    let theme = compiled(name)?.shown(depth, glyphs(settings));
    let ground = theme.style(Role::Text);
    let contrasts = theme.contrasts();
    let mut out = std::io::stdout().lock();
    for (role, word) in ROLES {
        let found = contrasts.iter().find(|(one, _)| one == role);
        let found = found.map_or_else(String::new, |(_, found)| format!("{found:.1}:1"));
        let style = ground.patch(theme.style(*role));
        let sample = format!(" {word:<12} ● ALARM  The quick brown fox ");
        let sample = match glyphs(settings) {
            crate::config::Glyphs::Ascii => crate::tui::flat(&sample),
            crate::config::Glyphs::Unicode => sample,
        };
        writeln!(
            out,
            "{}{sample}{}  {found}",
            begin(style, depth),
            end(depth)
        )?;
    }
    Ok(SUCCESS)
}

fn check(name: &str, settings: &Settings) -> Result<u8, CliError> {
    let source = Theme::source(name).map_err(|error| usage(&error))?;
    let (theme, problems) = Theme::compile(&source);
    if problems.is_empty() {
        let least = least(&theme).map_or_else(
            || "it names no colours".to_owned(),
            |least| format!("the least contrast is {least:.1}:1"),
        );
        say!(
            "{}: nothing is wrong; {least}",
            super::printable(&source.name)
        );
        return Ok(SUCCESS);
    }
    let colours = settings.color.value.depth(std::io::stdout().is_terminal()) != Depth::None;
    say!("{}", render(&source, &problems, colours));
    let broken = problems.iter().any(crate::document::Problem::is_error);
    let hard = theme
        .contrasts()
        .iter()
        .any(|(_, found)| *found < LEAST_CONTRAST);
    Ok(if broken || hard { FAILURE } else { SUCCESS })
}
