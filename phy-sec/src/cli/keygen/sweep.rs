//! `phy-sec keygen sweep`: secret bits a probe over simulated links.

use std::path::PathBuf;

use clap::ValueEnum;
use phy_sec::keygen::Config;
use phy_sec::keygen::evaluate::Granted;
use phy_sec::keygen::probe::Component;
use phy_sec::keygen::sweep::{Point, Sweep};

use super::methods::{MethodArgs, figure, table};
use crate::cli::{
    Context, Outcome,
    files::{Kind, Output},
    plot::{self, Series},
};

/// What the links are, and methods.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Correlations of the two ends' complex gains [default: 0.9,0.95,0.99]
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    rho: Vec<f64>,
    /// Signal to noise ratios at both ends, dB, instead of --rho
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_hyphen_values = true,
        conflicts_with = "rho"
    )]
    snr_db: Vec<f64>,
    /// Correlations of the eavesdropper's gains with each end's; she is granted as much [default: the configured eve.rho]
    #[arg(long, value_name = "LIST", value_delimiter = ',', allow_hyphen_values = true)]
    eve_rho: Vec<f64>,
    /// Numbers of probes
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "20000")]
    probes: Vec<usize>,
    #[command(flatten)]
    methods: MethodArgs,
    /// Which real numbers are taken of a gain; the ends have a common phase
    #[arg(long, value_enum, default_value_t = Taken::Complex)]
    component: Taken,
    /// From one probe to the next, s: by default so long that each sees a channel of its own
    #[arg(long, value_name = "SECONDS", default_value_t = 100.0, allow_negative_numbers = true)]
    interval: f64,
    /// Maximum Doppler shift, Hz
    #[arg(long, value_name = "HZ", default_value_t = 5.0, allow_negative_numbers = true)]
    doppler: f64,
    /// From one end's packet to the other's, s
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, allow_negative_numbers = true)]
    probing_delay: f64,
    /// Run each chain also with what the eavesdropper's own simulated trace shows
    #[arg(long)]
    eve_trace: bool,
    /// Draw it: secret bits a probe over what is swept, beside the capacity; a PNG picture
    #[arg(short, long, value_name = "FILE.png")]
    out: Option<PathBuf>,
    /// What goes to the right in the picture; by default what has the most values
    #[arg(long, value_enum, value_name = "WHAT")]
    x: Option<Axis>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Taken {
    /// Real and imaginary part
    Complex,
    /// The real part alone
    Real,
    /// The magnitude
    Magnitude,
    /// The magnitude in dB
    LogMagnitude,
    /// The phase
    Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Axis {
    /// Correlation of the ends
    Rho,
    /// Signal to noise ratio
    SnrDb,
    /// Correlation of the eavesdropper
    EveRho,
    /// Number of probes
    Probes,
}

impl Axis {
    fn of(self, point: &Point) -> f64 {
        match self {
            Self::Rho => point.rho,
            Self::SnrDb => point.snr_db,
            Self::EveRho => point.eve_rho,
            Self::Probes => point.probes as f64,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Rho => "correlation of the two ends",
            Self::SnrDb => "signal to noise ratio (dB)",
            Self::EveRho => "correlation of the eavesdropper",
            Self::Probes => "probes",
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let base: Config = context.config("keygen")?;
    let output = args.out.as_deref().map(|path| Output::new(path, Kind::Png, &[])).transpose()?;
    let sweep = sweep(args, &base)?;
    let working = context.working("sweeping");
    let points = sweep.run(&base, context.seed, &context.backend)?;
    drop(working);
    if let Some(output) = &output {
        output.write(&picture(&points, args)?)?;
    }
    if context.json {
        for point in &points {
            context.print_json(point)?;
        }
    } else {
        context.print(text(&points, args))?;
    }
    Ok(Outcome::Quiet)
}

fn sweep(args: &Args, base: &Config) -> anyhow::Result<Sweep> {
    let mut sweep = Sweep { probes: args.probes.clone(), eve_trace: args.eve_trace, ..Sweep::default() };
    sweep.methods = args.methods.methods()?;
    sweep.rho = args.rho.clone();
    sweep.snr_db = args.snr_db.clone();
    if sweep.rho.is_empty() && sweep.snr_db.is_empty() {
        sweep.rho = vec![0.9, 0.95, 0.99];
    }
    sweep.eve_rho = if args.eve_rho.is_empty() { vec![base.eve.rho] } else { args.eve_rho.clone() };
    sweep.component = match args.component {
        Taken::Complex => Component::Complex,
        Taken::Real => Component::Real,
        Taken::Magnitude => Component::Magnitude,
        Taken::LogMagnitude => Component::LogMagnitude,
        Taken::Phase => Component::Phase,
    };
    sweep.link.interval = args.interval;
    sweep.link.probing_delay = args.probing_delay;
    sweep.link.fading.doppler = args.doppler;
    Ok(sweep)
}

fn text(points: &[Point], args: &Args) -> String {
    // Correlation and noise are one thing said in two ways: the one that was asked for.
    let snr = !args.snr_db.is_empty();
    let column = |cell: &dyn Fn(&Point) -> String| points.iter().map(cell).collect::<Vec<_>>();
    let how = |eve| if eve == Granted::Model { "model" } else { "her trace" };
    let percent =
        |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    let mut columns = vec![
        ("rho", true, column(&|point| format!("{:.4}", point.rho))),
        ("SNR (dB)", true, column(&|point| format!("{:.1}", point.snr_db))),
        ("Eve's rho", true, column(&|point| format!("{:.2}", point.eve_rho))),
        ("Eve", true, column(&|point| how(point.eve).to_owned())),
        ("probes", true, column(&|point| point.probes.to_string())),
        ("preprocess", true, column(&|point| point.preprocess.clone())),
        ("quantizer", false, column(&|point| point.quantize.clone())),
        ("reconciler", true, column(&|point| point.reconcile.clone())),
        ("KDR", false, column(&|point| figure(point.kdr, 4))),
        ("kept", false, column(&|point| figure(point.kept, 3))),
        ("entropy a bit", false, column(&|point| figure(point.entropy_per_bit, 3))),
        ("key", false, column(&|point| point.released_bits.to_string())),
        ("bits a probe", false, column(&|point| figure(Some(point.bits_per_probe), 4))),
        ("capacity, at most", false, column(&|point| figure(point.capacity_upper, 4))),
        ("share", false, column(&|point| percent(point.share))),
    ];
    columns.retain(|(head, ..)| *head != if snr { "rho" } else { "SNR (dB)" });
    table(columns, args.methods.markdown)
}

/// Bits a probe of each chain, and the capacity, over the axis; what else differs is in the names.
fn picture(points: &[Point], args: &Args) -> anyhow::Result<Vec<u8>> {
    const AXES: [Axis; 4] = [Axis::Rho, Axis::SnrDb, Axis::EveRho, Axis::Probes];
    let values = |axis: Axis| {
        let mut values: Vec<f64> = points.iter().map(|point| axis.of(point)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let snr = !args.snr_db.is_empty();
    let shown = |axis: Axis| axis != if snr { Axis::Rho } else { Axis::SnrDb };
    // Of equals the first.
    let most = AXES.into_iter().rev().filter(|&axis| shown(axis)).max_by_key(|&axis| values(axis));
    let x = args.x.or(most).unwrap_or(Axis::Rho);
    let differs =
        |cell: &dyn Fn(&Point) -> &str| points.windows(2).any(|pair| cell(&pair[0]) != cell(&pair[1]));
    let (steps, reconcilers) = (differs(&|point| &point.preprocess), differs(&|point| &point.reconcile));
    let of_ends = |axis: Axis| matches!(axis, Axis::Rho | Axis::SnrDb);
    let others: Vec<Axis> = AXES
        .into_iter()
        .filter(|&axis| shown(axis) && axis != x && !(of_ends(axis) && of_ends(x)) && values(axis) > 1)
        .collect();
    let link = |point: &Point| {
        let of = |axis: &Axis| match axis {
            Axis::Rho => format!(" rho {:.3}", point.rho),
            Axis::SnrDb => format!(" {:.0} dB", point.snr_db),
            Axis::EveRho => format!(" Eve {:.2}", point.eve_rho),
            Axis::Probes => format!(" n {}", point.probes),
        };
        others.iter().map(of).collect::<String>()
    };
    let mut series: Vec<Series> = Vec::new();
    let mut add = |name: String, at: (f64, f64)| match series.iter_mut().find(|series| series.name == name) {
        Some(series) => series.points.push(at),
        None => series.push(Series { name, points: vec![at] }),
    };
    for point in points {
        let mut name = point.quantize.clone();
        if steps {
            name += &format!(" {}", point.preprocess);
        }
        if reconcilers {
            name += &format!(" {}", point.reconcile);
        }
        if point.eve == Granted::Trace {
            name += " (her trace)";
        }
        add(name + &link(point), (x.of(point), point.bits_per_probe));
    }
    for point in points {
        if let Some(capacity) = point.capacity_upper {
            add(format!("capacity{}", link(point)), (x.of(point), capacity));
        }
    }
    for series in &mut series {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        series.points.dedup();
    }
    plot::lines("secret bits a probe", x.label(), "bits", &series)
}
