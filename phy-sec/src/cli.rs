//! The command line: the one place where radio samples and the science meet.
//!
//! A subcommand is a file with `Args` and `run`, its `mod` line and its two lines in [`Command`].

mod aoa;
mod capacity;
mod channel;
mod context;
mod demo;
mod detect;
mod devices;
mod doctor;
mod entropy;
mod files;
mod fingerprint;
mod info;
mod keygen;
mod live;
mod mitigate;
mod monitor;
mod plot;
mod progress;
mod randomness;
mod record;
mod replay;
mod report;
mod source;
mod spectrum;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

pub(crate) use context::{Context, Outcome};
use context::{GlobalArgs, readable};

/// Radio samples in, security decisions out: keys from the channel, transmitters told apart, jammers found.
#[derive(Parser)]
#[command(name = "phy-sec", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find the directions of what an antenna array hears.
    Aoa(aoa::Args),
    /// Bound what two ends could keep secret at all, by a Gaussian model.
    Capacity(capacity::Args),
    /// Estimate the channel from a recording of a known waveform.
    Channel(channel::Args),
    /// Run the three pipelines on a simulated scene, or on real recordings, and write a report.
    Demo(demo::Args),
    /// Find jamming in a recording: when, in which band, of what kind, how sure, why.
    Detect(detect::Args),
    /// List the radios that are connected, and what each can do.
    Devices(devices::Args),
    /// Look at what of this computer matters to a radio, and say what to do about it.
    Doctor(doctor::Args),
    /// Assess the min-entropy of raw samples, after NIST SP 800-90B.
    Entropy(entropy::Args),
    /// Enrol transmitters, identify them, measure how well that goes.
    Fingerprint(fingerprint::Args),
    /// Say what a recording is, and whether its level makes sense.
    Info(info::Args),
    /// Draw a recording's power over time and frequency.
    Spectrum(spectrum::Args),
    /// Agree on a key over channel measurements, or find that there is none to be had.
    Keygen(keygen::Args),
    /// Watch a stream for jamming: state, events, counters, live on a terminal or as JSON.
    Monitor(monitor::Args),
    /// Record a stream into SigMF files that survive whatever ends it.
    Record(record::Args),
    /// Replay a recording into another file.
    Replay(replay::Args),
    /// Take a jammer out of a recording, and say what was removed.
    Mitigate(mitigate::Args),
    /// Put a file of bits to the SP 800-22 tests, and say what that does not prove.
    Randomness(randomness::Args),
}

const EXIT_CODES: &str = "\
Exit status:
   0  the command did its work, whatever it found
   1  the input could not be used; the message says why
   2  the command line could not be understood
  10  with --exit-code: detect or monitor found an event, fingerprint identify an unknown emitter, keygen agree released
      no key, randomness bits that are conspicuous, keygen reconcile strings that
      stay different, or a decision of the demo is wrong; the other commands have
      nothing to raise";

/// Parses the command line, runs the command, and turns its outcome into an exit status.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(Outcome::Quiet) => ExitCode::SUCCESS,
        Ok(Outcome::Notable) if cli.global.exit_code => ExitCode::from(10),
        Ok(Outcome::Notable) => ExitCode::SUCCESS,
        // `phy-sec detect … | head` closes the pipe; that is the reader's wish, not a fault.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody can be told, the status still tells.
            let _ = writeln!(io::stderr(), "error: {}", short(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<Outcome> {
    let context = Context::new(&cli.global)?;
    match &cli.command {
        Command::Aoa(args) => aoa::run(args, &context),
        Command::Capacity(args) => capacity::run(args, &context),
        Command::Channel(args) => channel::run(args, &context),
        Command::Demo(args) => demo::run(args, &context),
        Command::Detect(args) => detect::run(args, &context),
        Command::Devices(args) => devices::run(args, &context),
        Command::Doctor(args) => doctor::run(args, &context),
        Command::Entropy(args) => entropy::run(args, &context),
        Command::Fingerprint(args) => fingerprint::run(args, &context),
        Command::Info(args) => info::run(args, &context),
        Command::Spectrum(args) => spectrum::run(args, &context),
        Command::Keygen(args) => keygen::run(args, &context),
        Command::Monitor(args) => monitor::run(args, &context),
        Command::Record(args) => record::run(args, &context),
        Command::Replay(args) => replay::run(args, &context),
        Command::Mitigate(args) => mitigate::run(args, &context),
        Command::Randomness(args) => randomness::run(args, &context),
    }
}

/// A message quotes files that somebody else wrote: what is too long for a screen is cut.
fn short(message: &str) -> String {
    const MOST: usize = 2000;
    match message.char_indices().nth(MOST) {
        None => readable(message),
        Some((at, _)) => readable(&message[..at]) + "... (cut)",
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_a_screen_and_leaves_the_terminal_alone() {
        assert_eq!(short("a \u{1b}[31mb\nc"), "a \\u{1b}[31mb\nc");
        let long = short(&"ä".repeat(1 << 20));
        assert!(long.chars().count() < 2020 && long.ends_with("... (cut)"));
    }
}
