//! The `phy-sec` command: arguments in, decisions out. Everything it does is a call into the library.
#![forbid(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
