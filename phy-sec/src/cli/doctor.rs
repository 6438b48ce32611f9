//! `phy-sec doctor`: what of this computer matters to a radio, and what to do about it.

use std::{fs, io::Write as _, path::Path, time::Instant};

use serde::Serialize;
use serde_json::json;

use super::{Context, Outcome, report};

/// Nothing to choose but where the disk is measured.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder whose disk is measured, by writing 64 MB
    #[arg(long, value_name = "DIR", default_value = ".")]
    disk: std::path::PathBuf,
    /// Leave the disk alone
    #[arg(long)]
    no_disk: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    Advice,
    Missing,
    NotKnown,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    /// Empty where there is nothing to do.
    advice: String,
}

fn check(name: &'static str, verdict: Verdict, found: impl Into<String>, advice: impl Into<String>) -> Check {
    let advice = if verdict == Verdict::Good { String::new() } else { advice.into() };
    Check { name, verdict, found: found.into(), advice }
}

/// Looks, changes nothing, and says.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let mut checks = vec![processor(), governor(), memory()];
    checks.extend(soapy());
    checks.extend([groups(), udev(), usb_memory(), clock(), gpu()]);
    checks.extend([net("rmem_max"), net("wmem_max")]);
    if !args.no_disk {
        checks.push(disk(&args.disk));
    }
    if context.json {
        context.print_json(&json!({ "schema": "phy-sec.doctor/1", "checks": checks }))?;
    } else {
        let mut table = report::table(&["", "what", "found", "what to do"]);
        for check in &checks {
            let mark = match check.verdict {
                Verdict::Good => "ok",
                Verdict::Advice => "!",
                Verdict::Missing => "-",
                Verdict::NotKnown => "?",
            };
            table.add_row([mark, check.name, &check.found, &check.advice]);
        }
        context.print(table)?;
    }
    Ok(Outcome::Quiet)
}

/// A small file of the system, trimmed.
fn text(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn processor() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let level = kernels::Backend::default().to_string();
    let verdict = if cores >= 2 { Verdict::Good } else { Verdict::Advice };
    check(
        "processor",
        verdict,
        format!("{cores} core(s), {level}"),
        "one core both reads and judges: samples will be lost at high rates",
    )
}

fn governor() -> Check {
    match text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        None => check(
            "processor clock",
            Verdict::NotKnown,
            "no frequency governor is to be seen (a virtual machine?)",
            "on the host: cpupower frequency-set -g performance",
        ),
        Some(governor) => {
            let verdict = if governor == "performance" { Verdict::Good } else { Verdict::Advice };
            check("processor clock", verdict, governor, "sudo cpupower frequency-set -g performance")
        }
    }
}

fn memory() -> Check {
    let kilobytes = text("/proc/meminfo").and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("MemAvailable:"))?.to_owned();
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    match kilobytes {
        None => check("memory", Verdict::NotKnown, "the system does not say", ""),
        Some(kilobytes) => {
            let verdict = if kilobytes >= 500_000 { Verdict::Good } else { Verdict::Advice };
            let advice =
                "half a second of 20 MS/s takes 80 MB in the buffer, and the signal of events 200 MB";
            check("memory", verdict, format!("{} MB free", kilobytes / 1000), advice)
        }
    }
}

/// The library that drives radios, and its modules.
fn soapy() -> Vec<Check> {
    let places = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let begins = |folder: &str, start: &str| -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with(start)).collect()
    };
    let library = places
        .iter()
        .find_map(|place| begins(place, "libSoapySDR.so").first().map(|name| format!("{place}/{name}")));
    let mut modules: Vec<String> = places
        .iter()
        .flat_map(|place| {
            begins(place, "SoapySDR").into_iter().map(move |folder| format!("{place}/{folder}"))
        })
        .chain(
            std::env::var("SOAPY_SDR_PLUGIN_PATH").iter().flat_map(|path| path.split(':')).map(str::to_owned),
        )
        .flat_map(|folder| begins(&folder, "lib"))
        .filter(|name| name.contains(".so"))
        .map(|name| name.trim_start_matches("lib").trim_end_matches(".so").to_owned())
        .collect();
    modules.sort();
    modules.dedup();
    let install = "apt install libsoapysdr-dev soapysdr-tools";
    vec![
        match library {
            Some(path) => check("SoapySDR", Verdict::Good, path, ""),
            None => check("SoapySDR", Verdict::Missing, "not installed: no radio can be used", install),
        },
        match modules.is_empty() {
            false => check("radio modules", Verdict::Good, modules.join(", "), ""),
            true => check(
                "radio modules",
                Verdict::Missing,
                "none",
                "apt install soapysdr-module-uhd, -rtlsdr, -hackrf, -lms7 or -remote, or set SOAPY_SDR_PLUGIN_PATH",
            ),
        },
    ]
}

fn groups() -> Check {
    let numbers = text("/proc/self/status").and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("Groups:"))?.to_owned();
        let root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
        Some((line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>(), root))
    });
    let plugdev = text("/etc/group").and_then(|groups| {
        let line = groups.lines().find(|line| line.starts_with("plugdev:"))?.to_owned();
        line.split(':').nth(2).map(str::to_owned)
    });
    let advice = "sudo usermod -aG plugdev $USER, and log in again";
    match (numbers, plugdev) {
        (Some((_, true)), _) => check("permissions", Verdict::Good, "root: every device", ""),
        (Some((numbers, _)), Some(plugdev)) if numbers.contains(&plugdev) => {
            check("permissions", Verdict::Good, "in the group plugdev", "")
        }
        (Some(_), Some(_)) => check("permissions", Verdict::Advice, "not in the group plugdev", advice),
        _ => check(
            "permissions",
            Verdict::NotKnown,
            "there is no group plugdev",
            "see the udev rules of your radio",
        ),
    }
}

fn udev() -> Check {
    let known =
        ["uhd", "rtl-sdr", "rtlsdr", "hackrf", "airspy", "bladerf", "limesuite", "plutosdr", "libiio"];
    let mut found: Vec<String> = ["/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/etc/udev/rules.d"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| known.iter().any(|known| name.to_lowercase().contains(known)))
        .collect();
    found.sort();
    found.dedup();
    match found.is_empty() {
        false => check("udev rules", Verdict::Good, found.join(", "), ""),
        true => check(
            "udev rules",
            Verdict::Missing,
            "none for a radio",
            "they come with the radio's package (uhd-host, librtlsdr0, hackrf): without them a USB radio needs root",
        ),
    }
}

fn usb_memory() -> Check {
    match text("/sys/module/usbcore/parameters/usbfs_memory_mb").and_then(|text| text.parse::<u64>().ok()) {
        None => check("USB memory", Verdict::NotKnown, "no USB is to be seen", ""),
        Some(megabytes) => {
            let verdict = if megabytes == 0 || megabytes >= 256 { Verdict::Good } else { Verdict::Advice };
            let advice = "echo 1000 | sudo tee /sys/module/usbcore/parameters/usbfs_memory_mb";
            check("USB memory", verdict, format!("{megabytes} MB"), advice)
        }
    }
}

/// A receive buffer that UHD asks for: 2^25 and a little.
fn net(which: &'static str) -> Check {
    let name = if which == "rmem_max" { "network receive buffer" } else { "network send buffer" };
    let least = if which == "rmem_max" { 33_554_432u64 } else { 2_500_000 };
    match text(&format!("/proc/sys/net/core/{which}")).and_then(|text| text.parse::<u64>().ok()) {
        None => check(name, Verdict::NotKnown, "the system does not say", ""),
        Some(bytes) => {
            let verdict = if bytes >= least { Verdict::Good } else { Verdict::Advice };
            let advice = format!("for radios on Ethernet: sudo sysctl -w net.core.{which}={least}");
            check(name, verdict, format!("{bytes} bytes"), advice)
        }
    }
}

fn clock() -> Check {
    match text("/sys/devices/system/clocksource/clocksource0/current_clocksource") {
        None => check("clock", Verdict::NotKnown, "the system does not say", ""),
        Some(source) => {
            let good = ["tsc", "kvm-clock", "arch_sys_counter"].contains(&source.as_str());
            let verdict = if good { Verdict::Good } else { Verdict::Advice };
            let advice = "a slow clock source costs time at every block; tsc is the fast one. For times that several \
                          receivers share: chrony, or the radio's own 10 MHz and PPS";
            check("clock", verdict, source, advice)
        }
    }
}

fn gpu() -> Check {
    let advice =
        "build with --features gpu; apt install mesa-vulkan-drivers brings a software adapter for tests";
    if !cfg!(feature = "gpu") {
        return check("GPU", Verdict::Missing, "this build has no GPU kernels", advice);
    }
    match kernels::Gpu::open(&kernels::gpu::Choice::Best) {
        Ok(gpu) => check("GPU", Verdict::Good, kernels::Backend::Gpu(gpu).to_string(), ""),
        Err(error) => check("GPU", Verdict::Missing, error.to_string(), advice),
    }
}

/// What a recording could be written at, to the disk and not only to memory.
fn disk(folder: &Path) -> Check {
    const BYTES: usize = 64 << 20;
    let path = folder.join(format!(".phy-sec-doctor-{}", std::process::id()));
    let piece: Vec<u8> = (0..1usize << 20).map(|k| (k * 31 % 251) as u8).collect();
    let begun = Instant::now();
    let measured = fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
        for _ in 0..BYTES / piece.len() {
            file.write_all(&piece)?;
        }
        file.sync_all()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let _ = fs::remove_file(&path); // it may not have been made
    match measured {
        Err(error) => {
            check("disk", Verdict::NotKnown, format!("{}: {error}", folder.display()), "choose --disk DIR")
        }
        Ok(()) => {
            let speed = BYTES as f64 / seconds / 1e6;
            let verdict = if speed >= 160.0 { Verdict::Good } else { Verdict::Advice };
            let rate = speed / 8.0;
            let free = sdr_io::record::free_bytes(folder).ok().flatten();
            let free = free.map_or(String::new(), |free| format!(", {} GB free", free / 1_000_000_000));
            check(
                "disk",
                verdict,
                format!("{speed:.0} MB/s: {rate:.0} MS/s as cf32_le, {:.0} as ci16_le{free}", rate * 2.0),
                "20 MS/s as cf32_le need 160 MB/s: record as ci16_le (--format), or to a faster disk",
            )
        }
    }
}
