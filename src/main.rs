//! The program: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    dixaform::cli::run(std::env::args_os())
}
