//! `phy-sec fingerprint bursts`: the bursts of a protocol, with the identity that they carry.

use anyhow::Context as _;
use clap::ValueEnum;
use phy_sec::fingerprint::burst::mode_s;
use serde_json::json;

use crate::cli::{
    Context, Outcome, report,
    source::{self, SourceArgs},
};

/// Samples that are looked at in one piece.
const MOST: usize = 1 << 28;

/// Which recording, which protocol.
#[derive(clap::Args)]
pub(crate) struct BurstArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// What is looked for
    #[arg(long, value_enum)]
    protocol: Protocol,
}

#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    /// Mode S replies of aircraft (1090 MHz), at 2 MHz
    #[value(name = "mode_s")]
    ModeS,
}

/// Runs the command.
pub(super) fn run(args: &BurstArgs, context: &Context) -> anyhow::Result<Outcome> {
    let Protocol::ModeS = args.protocol;
    let name = &args.source.source;
    let mut opened = source::open(&args.source, context)?;
    let rate = source::sample_rate(opened.as_ref(), name)?;
    let samples = source::read_all(name, opened.as_mut(), MOST)?;
    let working = context.working("reading replies");
    let replies = mode_s::find(&samples, rate).with_context(|| format!("cannot read {name}"))?;
    drop(working);
    let mut table = report::table(&["sample", "format", "identity", "CRC", "octets", "contrast (dB)"]);
    for reply in &replies {
        let identity = reply.address.map(|address| format!("{address:06x}"));
        let octets: String = reply.octets.iter().map(|octet| format!("{octet:02x}")).collect();
        if context.json {
            let identifier = reply.identifier();
            context.print_json(&json!({
                "schema": "phy-sec.reply/1", "source": name, "protocol": "mode_s", "sample_start": reply.start,
                "sample_count": reply.samples, "fraction": reply.fraction, "identity": identity, "exact": reply.exact(),
                "format": reply.format, "octets": octets, "remainder": reply.remainder,
                "identifier_start": identifier.start, "identifier_count": identifier.len(),
                "contrast_db": Some(reply.contrast_db).filter(|contrast| contrast.is_finite()),
            }))?;
        } else {
            let crc = if reply.exact() { "exact".to_owned() } else { format!("{:06x}", reply.remainder) };
            let identity = identity.unwrap_or_else(|| "-".to_owned());
            let contrast = format!("{:.1}", reply.contrast_db);
            table.add_row([
                reply.start.to_string(),
                reply.format.to_string(),
                identity,
                crc,
                octets,
                contrast,
            ]);
        }
    }
    if !context.json {
        let exact = replies.iter().filter(|reply| reply.exact()).count();
        context.print(table)?;
        context.print(format!("{} replies, {exact} with an exact CRC", replies.len()))?;
    }
    Ok(Outcome::Quiet)
}
