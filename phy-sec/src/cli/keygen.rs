//! `phy-sec keygen agree A B`: the whole chain over two recordings; `evaluate`: many chains over many; `sweep`: over
//! simulated links.

mod evaluate;
mod methods;
mod strings;
mod sweep;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use phy_sec::keygen::probe::{
    Overheard, Trace,
    recording::{self, Format},
};
use phy_sec::keygen::{Agreement, Config, Kdf, Report, SecretKey, agree_against};

use super::{Context, Outcome, files};

/// Keys from the channel.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Agree on a key over what two ends measured, and account for every bit of it
    Agree(AgreeArgs),
    /// Run one chain, or every combination of the named methods, over recordings, and say what each leaves of what it began with
    Evaluate(evaluate::Args),
    /// Run chains over simulated links: secret bits a probe, beside what theory allows
    Sweep(sweep::Args),
    /// Reconcile two bit strings that are at hand, such as sifted QKD keys, and count what is said of them
    Reconcile(strings::Args),
}

/// Two recordings of one link.
#[derive(clap::Args)]
struct AgreeArgs {
    /// Alice's measurements: an Intel 5300 log (.dat), an ESP32 log, a Nexmon capture (.pcap), a PicoScenes file (.csi), a
    /// DW1000 log, a NumPy array (.npy), a CSV of RSSI (`index,value`), or a CSV of CSI magnitudes
    #[arg(value_name = "A")]
    alice: PathBuf,
    /// Bob's, in the same form; leave it out (or say -) where A has a column, or a row, for each end
    #[arg(value_name = "B")]
    bob: Option<PathBuf>,
    /// What an eavesdropper measured of the same exchanges, in the same form (of a table with three rows the third one):
    /// replaces the configured `eve.rho`
    #[arg(long, value_name = "FILE")]
    eve: Option<PathBuf>,
    /// Write the two ends' keys to PREFIX.alice.key and PREFIX.bob.key, readable by the owner only; asks for --seed, a number
    /// that no session used before
    #[arg(long, value_name = "PREFIX")]
    key_out: Option<PathBuf>,
    /// Write an application's key instead, derived from the released one: METHOD:BYTES:PURPOSE, METHOD one of hkdf_sha256, kmac128,
    /// kmac256. `kmac256:32:disk` and `kmac256:32:radio` are two keys that tell nothing of each other
    #[arg(long, value_name = "METHOD:BYTES:PURPOSE", requires = "key_out")]
    derive: Option<Derive>,
}

/// What to make of a key.
#[derive(Clone)]
struct Derive {
    kdf: Kdf,
    length: usize,
    purpose: String,
}

impl std::str::FromStr for Derive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (Some(kdf), Some(length), Some(purpose)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("METHOD:BYTES:PURPOSE, kmac256:32:disk say".into());
        };
        let kdf: Kdf = serde_json::from_value(kdf.into())
            .map_err(|_| format!("METHOD is one of {}", Kdf::ALL.join(", ")))?;
        if purpose.is_empty() {
            return Err("PURPOSE must say something: keys of one purpose are the same key".into());
        }
        let length = length.parse().map_err(|_| "BYTES is a number".to_owned())?;
        // Whether it can be is told before there is a key to lose.
        kdf.derive(&[0], purpose.as_bytes(), length).map_err(|error| error.to_string())?;
        Ok(Self { kdf, length, purpose: purpose.to_owned() })
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Agree(args) => agree_over(args, context),
        Command::Evaluate(args) => evaluate::run(args, context),
        Command::Sweep(args) => sweep::run(args, context),
        Command::Reconcile(args) => strings::run(args, context),
    }
}

fn agree_over(args: &AgreeArgs, context: &Context) -> anyhow::Result<Outcome> {
    let config: Config = context.config("keygen")?;
    if args.key_out.is_some() && !context.seed_is_chosen {
        bail!(
            "--key-out writes real keys: give --seed a number that no session used before, for the hash is chosen by it"
        );
    }
    let key_files = args.key_out.as_deref().map(key_files).transpose()?;
    let Agreement { report, keys } =
        recording(&args.alice, args.bob.as_deref(), args.eve.as_deref(), &config, context)?;
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(text(&report))?;
    }
    if let (Some(files), Some((alice, bob))) = (&key_files, &keys) {
        match &args.derive {
            None => write_pair(files, alice.expose(), bob.expose())?,
            Some(Derive { kdf, length, purpose }) => {
                let of = |key: &SecretKey| key.derive_by(*kdf, purpose.as_bytes(), *length);
                write_pair(files, &of(alice)?, &of(bob)?)?;
            }
        }
    }
    Ok(if keys.is_some() { Outcome::Quiet } else { Outcome::Notable })
}

/// Agrees on a key over two files, or one with a column for each end.
pub(super) fn recording(
    alice: &Path,
    bob: Option<&Path>,
    eve: Option<&Path>,
    config: &Config,
    context: &Context,
) -> anyhow::Result<Agreement> {
    let bob = bob.filter(|path| path.as_os_str() != "-");
    let (a, b) = ends(alice, bob, config, context)?;
    let e = eve.map(|path| overheard(path, config)).transpose()?;
    let _working = context.working("agreeing");
    let source: Vec<String> =
        [Some(alice), bob].into_iter().flatten().map(|path| path.display().to_string()).collect();
    let mut agreement = agree_against(&a, &b, e.as_ref(), config, context.seed, context.backend.clone())
        .with_context(|| {
            let eve = eve.map(|path| path.display().to_string());
            source.iter().cloned().chain(eve).collect::<Vec<_>>().join(", ")
        })?;
    agreement.report.source = source;
    Ok(agreement)
}

/// What an eavesdropper measured, with all of her antennas where the file has several.
fn overheard(path: &Path, config: &Config) -> anyhow::Result<Overheard> {
    recording::overheard(&content(path)?, extension(path), config).with_context(|| path.display().to_string())
}

/// What the two ends measured.
///
/// - `bob`: `None` where Alice's file has both ends
fn ends(
    alice: &Path,
    bob: Option<&Path>,
    config: &Config,
    context: &Context,
) -> anyhow::Result<(Trace, Trace)> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    if bob.is_some_and(|bob| real(bob).is_some() && real(bob) == real(alice)) {
        context.warn(format!(
            "both ends are {}: what comes out says nothing of a channel between two",
            alice.display()
        ));
    }
    let named = |path: &Path| path.display().to_string();
    match bob {
        Some(bob) => Ok((read(alice, config)?, read(bob, config)?)),
        None => {
            let bytes = content(alice)?;
            if Format::detect(&bytes, extension(alice)) != Format::Table {
                bail!("{}: holds one end's measurements: give the other end's file too", named(alice));
            }
            recording::ends(&bytes).with_context(|| named(alice))
        }
    }
}

/// One end's measurements, by the file's name and content.
fn read(path: &Path, config: &Config) -> anyhow::Result<Trace> {
    recording::trace(&content(path)?, extension(path), config).with_context(|| path.display().to_string())
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

/// Measurements are small; something else was meant by a file of gigabytes.
const LARGEST: u64 = 1 << 30;

fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    files::read(path, LARGEST)
}

fn text(report: &Report) -> String {
    let figure = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
    let mut text = format!(
        "{}\n\npairs        {}\ncorrelation  {} (processed {})\nkdr          {} ({} of {} bits)\n",
        report.source.join(" | "),
        report.pairs,
        figure(report.correlation),
        figure(report.correlation_processed),
        figure(report.kdr),
        report.errors,
        report.raw_bits,
    );
    if let Some(kdr) = report.eve_kdr {
        text += &format!("eve's kdr    {kdr:.4}\n");
    }
    if !report.ledger.is_empty() {
        text += "\nledger\n";
        for line in &report.ledger {
            text += &format!("{:>12.1}  {:<15} {}\n", line.bits, line.name, line.why);
        }
        text += &format!("{:>12}  released\n", report.released_bits);
    }
    text + "\n" + &report.reason
}

/// Where the two keys go: asked for before there are any, because a key that cannot be written is lost.
fn key_files(prefix: &Path) -> anyhow::Result<[PathBuf; 2]> {
    let files = ["alice", "bob"].map(|end| {
        let mut path = prefix.to_owned().into_os_string();
        path.push(format!(".{end}.key"));
        PathBuf::from(path)
    });
    for file in &files {
        if file.symlink_metadata().is_ok() {
            bail!("{}: exists already, and a key is not overwritten", file.display());
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!("{}: there is no such folder", file.display());
        }
    }
    Ok(files)
}

/// Writes both, or neither.
fn write_pair([alice_file, bob_file]: &[PathBuf; 2], alice: &[u8], bob: &[u8]) -> anyhow::Result<()> {
    write_key(alice_file, alice)?;
    if let Err(error) = write_key(bob_file, bob) {
        // One key without the other is of no use to anybody but a thief.
        return match fs::remove_file(alice_file) {
            Ok(()) => Err(error),
            Err(_) => Err(error.context(format!("{} was left behind", alice_file.display()))),
        };
    }
    Ok(())
}

/// Nobody but the owner may read it, and a file that is there already is not touched.
fn write_key(path: &Path, key: &[u8]) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("cannot make {}", path.display()))?;
    let written = file.write_all(key).with_context(|| format!("cannot write {}", path.display()));
    if written.is_err() {
        let _ = fs::remove_file(path); // the error is the first one's
    }
    written
}
