//! The binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    standdown::detached::become_it();
    standdown::cli::main()
}
