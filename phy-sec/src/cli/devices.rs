//! `phy-sec devices`: the radios that are connected, and what each can do.
//!
//! Some modules of SoapySDR crash when they look for their radios. Each therefore runs in a process of its own, this
//! program called again, and one that dies is a line of the answer.

/// Which radios to look for.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only those of a driver: driver=uhd or driver=rtlsdr,serial=1. Default: of every module that is installed
    filter: Option<String>,
    /// Ask one module, or those that are built in, in this process
    #[arg(long, hide = true, value_name = "MODULE")]
    here: Option<String>,
}

#[cfg(not(feature = "soapy"))]
pub(crate) fn run(args: &Args, _: &super::Context) -> anyhow::Result<super::Outcome> {
    let _ = (&args.filter, &args.here);
    Err(sdr_io::Error::NoSoapy.into())
}

#[cfg(feature = "soapy")]
pub(crate) use radios::run;

#[cfg(feature = "soapy")]
mod radios {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use anyhow::{Context as _, bail};
    use sdr_io::soapy::{self, ChannelDescription, Description, RadioOptions, Range};
    use serde::{Deserialize, Serialize};

    use super::{
        super::{Context, Outcome},
        Args,
    };

    /// A driver that has not answered by then is given up. Network radios look around for a while.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// `phy-sec.devices/1` of `docs/json.md`.
    #[derive(Serialize)]
    struct Devices {
        schema: &'static str,
        modules: Vec<Module>,
        devices: Vec<Device>,
    }

    /// A module, and why it has no answer, if so.
    #[derive(Serialize)]
    struct Module {
        module: String,
        error: Option<String>,
    }

    /// A radio, and what it can do, or why that cannot be told.
    #[derive(Serialize, Deserialize)]
    struct Device {
        uri: String,
        args: Vec<(String, String)>,
        can: Option<Description>,
        error: Option<String>,
    }

    pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
        if let Some(module) = &args.here {
            context.print_json(&here(args.filter.as_deref(), module)?)?;
            return Ok(Outcome::Quiet);
        }
        let mut devices = Vec::new();
        let mut modules = Vec::new();
        let mut ask = |name: String, filter: Option<&str>, module: &str| {
            let answer = ask(filter, module);
            let error = answer.as_ref().err().map(|error| format!("{error:#}"));
            // What is built in is found beside every module.
            let found = answer
                .unwrap_or_default()
                .into_iter()
                .filter(|device: &Device| !devices.iter().any(|known: &Device| known.args == device.args));
            let found: Vec<_> = found.collect();
            devices.extend(found);
            modules.push(Module { module: name, error });
        };
        if args.filter.is_some() {
            ask("all of them".into(), args.filter.as_deref(), "");
        } else {
            if cfg!(feature = "phyreplay") {
                ask("built in".into(), None, "");
            }
            for module in soapy::modules() {
                ask(module.clone(), None, &module);
            }
        }
        let answer = Devices { schema: "phy-sec.devices/1", modules, devices };
        if context.json {
            context.print_json(&answer)?;
        } else {
            context.print(text(&answer))?;
        }
        Ok(Outcome::Quiet)
    }

    /// In the process that may die.
    fn here(filter: Option<&str>, module: &str) -> anyhow::Result<Vec<Device>> {
        let found = match filter {
            Some(filter) => soapy::find(&RadioOptions::parse(&format!("soapy:{filter}"))?.args)?,
            None => soapy::enumerate_here((!module.is_empty()).then_some(module))?,
        };
        Ok(found
            .into_iter()
            .map(|args| {
                let (can, error) = match soapy::describe(&args) {
                    Ok(can) => (Some(can), None),
                    Err(error) => (None, Some(error.to_string())),
                };
                Device { uri: uri(&args), args, can, error }
            })
            .collect())
    }

    /// What opens it: the driver and its serial number, or else everything that the driver says of it.
    fn uri(args: &[(String, String)]) -> String {
        let short = args.iter().any(|(key, _)| key == "serial");
        let wanted = |key: &str| key == "driver" || if short { key == "serial" } else { key != "label" };
        let escaped = |text: &str| {
            let escape = |c: char| match c {
                '%' | ',' | '?' | '=' | ' ' => format!("%{:02X}", u32::from(c)),
                c => c.to_string(),
            };
            text.chars().map(escape).collect::<String>()
        };
        let mut pairs: Vec<_> = args.iter().filter(|(key, _)| wanted(key)).collect();
        pairs.sort_by_key(|(key, _)| key != "driver");
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
        format!("soapy:{}", pairs.join(","))
    }

    /// This program again, with one module.
    fn ask(filter: Option<&str>, module: &str) -> anyhow::Result<Vec<Device>> {
        let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
        command.arg("devices").arg("--here").arg(module);
        match filter {
            Some(filter) => drop(command.arg(filter)),
            // No module is found on its own there, so that only the one named is loaded.
            None => drop(command.env("SOAPY_SDR_ROOT", "/nonexistent").env_remove("SOAPY_SDR_PLUGIN_PATH")),
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start another process")?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = std::thread::spawn(move || read(out));
        let err = std::thread::spawn(move || read(err));
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                bail!("no answer within {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let out = out.join().unwrap_or_default();
        if !status.success() {
            let said = err.join().unwrap_or_default();
            let said = said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            if status.code().is_some() && !said.is_empty() {
                bail!(said);
            }
            bail!("it crashed ({status}) while it looked for its radios");
        }
        // A driver may print what it likes on the same line of output; the answer is the last one.
        let line = out.lines().last().unwrap_or_default();
        serde_json::from_str(line).context("the answer cannot be understood")
    }

    fn read(pipe: Option<impl std::io::Read>) -> String {
        const MOST: u64 = 1 << 24;
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(MOST).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn text(answer: &Devices) -> String {
        let mut parts = Vec::new();
        for device in &answer.devices {
            let mut rows = vec![("open with", device.uri.clone())];
            rows.extend(device.error.iter().map(|error| ("error", error.clone())));
            if let Some(can) = &device.can {
                describe(can, &mut rows);
            }
            let lines: Vec<_> = rows.iter().map(|(what, value)| format!("{what:<20}{value}")).collect();
            parts.push(lines.join("\n"));
        }
        for module in &answer.modules {
            if let Some(error) = &module.error {
                parts.push(format!("{}: {error}", module.module));
            }
        }
        if answer.devices.is_empty() {
            parts.push(match answer.modules.len() {
                0 => "No radio: SoapySDR has no module installed. Debian calls them soapysdr-module-..., such as \
                      soapysdr-module-uhd."
                    .into(),
                modules => format!("No radio answered to {modules} modules. Is it plugged in, and may you use it?"),
            });
        }
        parts.join("\n\n")
    }

    fn describe(can: &Description, rows: &mut Vec<(&'static str, String)>) {
        rows.push(("hardware", format!("{} {}", can.driver, can.hardware)));
        for (what, channels) in [("receives", &can.receive), ("transmits", &can.transmit)] {
            let Some(first) = channels.first() else { continue };
            rows.push((what, format!("{} channels; the first:", channels.len())));
            rows.extend(channel(first));
        }
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        rows.push(("time stamps", yes(can.hardware_time).into()));
        for (what, names) in [
            ("clock sources", &can.clock_sources),
            ("time sources", &can.time_sources),
            ("settings", &can.settings),
        ] {
            if !names.is_empty() {
                rows.push((what, names.join(", ")));
            }
        }
    }

    fn channel(channel: &ChannelDescription) -> Vec<(&'static str, String)> {
        let gains = channel.gains.iter().map(|(name, range)| format!("{name} {}", span(range, 1.0)));
        let gains: Vec<_> = gains.collect();
        let agc = if channel.agc { "; automatic" } else { "" };
        vec![
            ("  antennas", channel.antennas.join(", ")),
            ("  gain (dB)", format!("{} ({}){agc}", span(&channel.gain, 1.0), gains.join(", "))),
            ("  rates (MS/s)", spans(&channel.sample_rates, 1e6)),
            ("  frequencies (MHz)", spans(&channel.frequencies, 1e6)),
            ("  bandwidths (MHz)", spans(&channel.bandwidths, 1e6)),
            ("  formats", format!("{}; its own is {}", channel.formats.join(", "), channel.native_format.0)),
        ]
    }

    fn span(range: &Range, unit: f64) -> String {
        let (from, to) = (range.minimum / unit, range.maximum / unit);
        if from == to { format!("{from}") } else { format!("{from} to {to}") }
    }

    fn spans(ranges: &[Range], unit: f64) -> String {
        ranges.iter().map(|range| span(range, unit)).collect::<Vec<_>>().join(", ")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_opens_a_radio() {
            let args = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
                pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
            };
            for (pairs, want) in [
                (
                    &[("label", "B210 x"), ("serial", "F5,1"), ("driver", "uhd")][..],
                    "soapy:driver=uhd,serial=F5%2C1",
                ),
                (&[("driver", "a"), ("label", "b"), ("port", "1 2")][..], "soapy:driver=a,port=1%202"),
            ] {
                let args = args(pairs);
                assert_eq!(uri(&args), want);
                let parsed = RadioOptions::parse(want).unwrap().args;
                assert!(parsed.iter().all(|pair| args.contains(pair)));
            }
        }
    }
}
