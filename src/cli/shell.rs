//! `standdown completions` and `standdown man`: made from the same declarations as the arguments.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{CliError, SUCCESS};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  standdown completions bash > /etc/bash_completion.d/standdown
  standdown completions zsh > \"${fpath[1]}/_standdown\"
  standdown completions fish > ~/.config/fish/completions/standdown.fish")]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  standdown man | man -l -
  standdown man --out /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Write a page for each command into this folder, instead of the first one to the output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(arguments: &Completions) -> Result<u8, CliError> {
    let mut command = super::Arguments::command();
    // Made whole first: who reads it may go away in the middle.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "standdown", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(SUCCESS)
}

pub(super) fn man(arguments: &Man) -> Result<u8, CliError> {
    let command = super::Arguments::command();
    if let Some(folder) = &arguments.out {
        return pages(&command, folder);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    std::io::stdout().write_all(&text)?;
    Ok(SUCCESS)
}

fn pages(command: &clap::Command, folder: &Path) -> Result<u8, CliError> {
    let failed = |error: std::io::Error| {
        CliError::Said(format!(
            "failed to write into {}: {error}",
            folder.display()
        ))
    };
    crate::document::make_folder(folder).map_err(failed)?;
    clap_mangen::generate_to(command.clone(), folder).map_err(failed)?;
    let count = std::fs::read_dir(folder)
        .map_err(failed)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "1"))
        .count();
    super::say!("{count} pages in {}", folder.display());
    Ok(SUCCESS)
}
