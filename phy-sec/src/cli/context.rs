//! What every subcommand shares: backend, seed, configuration, and how it speaks to the terminal or to a script.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use kernels::{Backend, Gpu, Level, gpu::Choice};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    files,
    progress::{Progress, SHOWN_AFTER},
};

/// The largest configuration that is read, in bytes.
const LARGEST_CONFIG: u64 = 1 << 20;

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
    /// Seed of everything random: simulated channels, public hash seeds, splits [default: 1]
    #[arg(long, global = true, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// TOML file with a table per pipeline: [channel], [keygen], [randomness], [fingerprint], [jamming]
    #[arg(long, global = true, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Exit with status 10 when there is something to notice: detect found an event, identify an unknown emitter, keygen
    /// agree released no key, randomness bits that are conspicuous, keygen reconcile strings that stay different, a decision of the demo is not what was so. Of no
    /// meaning to the others
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
    /// Something was found, no key was released, or a decision is wrong.
    Notable,
}

/// The options of this run, resolved.
pub(crate) struct Context {
    /// Where the kernels run.
    pub(crate) backend: Backend,
    /// Seed of everything random.
    pub(crate) seed: u64,
    /// Whether it was said, and is not the default that every run has.
    pub(crate) seed_is_chosen: bool,
    /// Print JSON instead of text.
    pub(crate) json: bool,
    config: toml::Table,
    /// Where it was read.
    config_name: String,
    /// All bars of the run: one may be inside another.
    bars: MultiProgress,
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
            Some(path) => files::read_text(path, LARGEST_CONFIG)?
                .parse()
                .with_context(|| format!("{} is not TOML", path.display()))?,
        };
        let config_name = args.config.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        const TABLES: [&str; 5] = ["channel", "keygen", "randomness", "fingerprint", "jamming"];
        if let Some(unknown) = config.keys().find(|key| !TABLES.contains(&key.as_str())) {
            let unknown = files::quoted(unknown);
            anyhow::bail!("{config_name}: there is a table or key {unknown}; there may be {TABLES:?}");
        }
        // On standard error, so that they do not get into what a script reads.
        let visible = io::stderr().is_terminal();
        let bars = MultiProgress::with_draw_target(if visible {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        });
        let (seed, seed_is_chosen) = (args.seed.unwrap_or(1), args.seed.is_some());
        Ok(Context { backend, seed, seed_is_chosen, json: args.json, config, config_name, bars })
    }

    /// The table `[name]` of the configuration file; what it leaves out is the default.
    pub(crate) fn config<T: DeserializeOwned + Default>(&self, name: &str) -> anyhow::Result<T> {
        match self.config.get(name) {
            None => Ok(T::default()),
            Some(table) => table
                .clone()
                .try_into()
                .with_context(|| format!("{}: the table [{name}] cannot be used", self.config_name)),
        }
    }

    /// The table `[name]` of the configuration file where there is no default to fall back on.
    pub(crate) fn required<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<T> {
        let table = self.config.get(name).with_context(|| format!("there is no table [{name}]"))?;
        let table = table.clone().try_into();
        table.with_context(|| format!("{}: the table [{name}] cannot be used", self.config_name))
    }

    /// The value `key` of the table `[name]`, as the file has it: to say so where it does not count.
    pub(crate) fn configured(&self, name: &str, key: &str) -> Option<&toml::Value> {
        self.config.get(name)?.get(key)
    }

    /// Prints `object` as one line of JSON.
    pub(crate) fn print_json(&self, object: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(object)?;
        line.push(b'\n');
        self.write(&line)
    }

    /// Prints text for people; a closed pipe is an error here and success in `main`. Names in it may be somebody else's.
    pub(crate) fn print(&self, text: impl std::fmt::Display) -> anyhow::Result<()> {
        self.write(format!("{}\n", readable(&text.to_string())).as_bytes())
    }

    /// Hands text to whoever reads it; one who went away is an error here and success in `main`.
    pub(crate) fn write(&self, text: &[u8]) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text).and_then(|()| out.flush()).context("cannot write to standard output")
    }

    /// Something that its reader should know and that is no fault, on standard error, between the bars.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        // Where nobody can be told, the work goes on.
        let _ = self.bars.suspend(|| writeln!(io::stderr(), "warning: {}", readable(&text.to_string())));
    }

    /// A bar on standard error for work of `length` steps, until it is dropped: invisible for scripts and for what
    /// ends within a second.
    pub(crate) fn progress(&self, length: u64, what: &'static str) -> Progress {
        let bar = ProgressBar::hidden().with_message(what);
        bar.set_length(length);
        Progress::new(bar, "{msg} [{wide_bar}] {pos}/{len} {eta}", &self.bars, SHOWN_AFTER)
    }

    /// The same for work that does not say how far it is.
    pub(crate) fn working(&self, what: &'static str) -> Progress {
        let bar = ProgressBar::hidden().with_message(what);
        Progress::new(bar, "{spinner} {msg} {elapsed}", &self.bars, SHOWN_AFTER)
    }
}

/// What would steer the terminal, shown as it is written in source code.
pub(super) fn readable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use phy_sec::{
        fingerprint::recording::FingerprintConfig,
        jamming,
        keygen::{self, randomness},
    };

    use super::*;

    /// The guide's configuration has every key that there is, and is the default.
    #[test]
    fn the_guide_has_every_key_and_its_default() {
        const GUIDE: &str = include_str!("../../../docs/guide/command.md");
        let block = GUIDE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let table: toml::Table = block.parse().unwrap();
        fn same<T: DeserializeOwned + Default + Serialize + PartialEq + std::fmt::Debug>(
            table: &toml::Table,
            name: &str,
            block: &str,
        ) {
            let stated = table[name].clone();
            assert_eq!(stated.clone().try_into::<T>().unwrap(), T::default(), "{name}");
            let default = serde_json::to_value(T::default()).unwrap();
            keys(&default, &serde_json::to_value(stated).unwrap(), block);
        }
        /// What is nothing by default stands there as a comment.
        fn keys(default: &serde_json::Value, stated: &serde_json::Value, block: &str) {
            for (key, value) in default.as_object().into_iter().flatten() {
                match stated.get(key) {
                    Some(stated) => keys(value, stated, block),
                    None => assert!(value.is_null() && block.contains(&format!("\n# {key} = ")), "{key}"),
                }
            }
        }
        same::<jamming::Config>(&table, "jamming", block);
        same::<FingerprintConfig>(&table, "fingerprint", block);
        same::<keygen::Config>(&table, "keygen", block);
        // Its one key without a default stands in a comment behind its table.
        assert_eq!(table["randomness"].clone().try_into(), Ok(randomness::Config::default()));
        let default = serde_json::to_value(randomness::Config::default()).unwrap();
        for key in default.as_object().unwrap().keys() {
            assert!(table["randomness"].get(key).is_some(), "{key}");
        }
        assert_eq!(table.len(), 4);
    }
}
