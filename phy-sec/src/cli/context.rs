//! What every subcommand shares: backend, seed, configuration, and how it speaks to the terminal or to a script.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kernels::{Backend, Gpu, Level, gpu::Choice};
use serde::{Serialize, de::DeserializeOwned};

/// Options that every subcommand takes, before or after its name.
#[derive(Args)]
pub(crate) struct GlobalArgs {
    /// Print one JSON object, or one per line, instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Where the kernels run
    #[arg(long, global = true, value_enum, default_value_t = BackendName::Simd)]
    backend: BackendName,
    /// With --backend gpu: which adapter, by its number or a part of its name
    #[arg(long, global = true, default_value_t = Choice::Best)]
    adapter: Choice,
    /// Seed of everything random: simulated channels, public hash seeds, splits
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
    /// TOML file with a table per pipeline: [keygen], [randomness], [fingerprint], [jamming]
    #[arg(long, global = true, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Exit with status 10 when something was found, or no key was released
    #[arg(long, global = true)]
    pub(super) exit_code: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum BackendName {
    /// Plain loops, the definition of every kernel
    Scalar,
    /// The best instruction set of this processor
    Simd,
    /// A GPU that Vulkan, Metal or DX12 offers: see --adapter
    Gpu,
}

/// Whether a script should take notice: see `--exit-code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The command did its work and has nothing to raise.
    Quiet,
    /// Something was found, or no key was released.
    Notable,
}

/// The options of this run, resolved.
pub(crate) struct Context {
    /// Where the kernels run.
    pub(crate) backend: Backend,
    /// Seed of everything random.
    pub(crate) seed: u64,
    /// Print JSON instead of text.
    pub(crate) json: bool,
    config: toml::Table,
}

impl Context {
    pub(super) fn new(args: &GlobalArgs) -> anyhow::Result<Self> {
        let backend = match args.backend {
            BackendName::Scalar => Backend::Scalar,
            BackendName::Simd => Backend::Simd(Level::new()),
            BackendName::Gpu => Backend::Gpu(Gpu::open(&args.adapter)?),
        };
        let config = match &args.config {
            None => toml::Table::new(),
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .parse()
                .with_context(|| format!("{} is not TOML", path.display()))?,
        };
        const TABLES: [&str; 4] = ["keygen", "randomness", "fingerprint", "jamming"];
        if let Some(unknown) = config.keys().find(|key| !TABLES.contains(&key.as_str())) {
            anyhow::bail!("the configuration has a table [{unknown}]; it may have {TABLES:?}");
        }
        Ok(Context { backend, seed: args.seed, json: args.json, config })
    }

    /// The table `[name]` of the configuration file; what it leaves out is the default.
    pub(crate) fn config<T: DeserializeOwned + Default>(&self, name: &str) -> anyhow::Result<T> {
        match self.config.get(name) {
            None => Ok(T::default()),
            Some(table) => table
                .clone()
                .try_into()
                .with_context(|| format!("the configuration's table [{name}] cannot be used")),
        }
    }

    /// Prints `object` as one line of JSON.
    pub(crate) fn print_json(&self, object: &impl Serialize) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, object).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Prints text for people; a closed pipe is an error here and success in `main`.
    pub(crate) fn print(&self, text: impl std::fmt::Display) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(())
    }

    /// A bar on standard error; invisible for scripts and for what ends within a second.
    pub(crate) fn progress(&self, length: u64, what: &'static str) -> ProgressBar {
        let visible = !self.json && io::stderr().is_terminal();
        let target =
            if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len} {eta}");
        let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what);
        match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}
