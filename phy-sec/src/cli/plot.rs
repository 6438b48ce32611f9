//! Pictures as PNG bytes: for `spectrum` and for the report. Fonts are built in, so no system library is needed.

use std::{ops::Range, sync::Once};

use anyhow::anyhow;
use ndarray::{ArrayView2, Axis, Slice};
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::{FontStyle, register_font},
};

const SIZE: (u32, u32) = (960, 480);
const FONT: (&str, u32) = ("sans-serif", 15);

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A rectangle over a spectrogram: where an event was found.
pub(crate) struct Region {
    /// Seconds.
    pub(crate) time: Range<f64>,
    /// Hz.
    pub(crate) frequency: Range<f64>,
    /// What was found there.
    pub(crate) label: String,
}

/// Named points of one colour.
pub(crate) struct Series {
    /// Its name in the legend.
    pub(crate) name: String,
    /// `(x, y)`; those that are not finite are left out.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Power over time (to the right, seconds) and frequency (upwards, Hz).
///
/// - `power_db`: `[frame, bin]`, ascending frequency
/// - `regions`: drawn on top
pub(crate) fn spectrogram(
    power_db: ArrayView2<f32>,
    time: Range<f64>,
    frequency: Range<f64>,
    regions: &[Region],
) -> anyhow::Result<Vec<u8>> {
    png(|root| {
        let (scale, unit) = frequency_unit(&frequency);
        let (time, frequency) = (widened(time), widened(frequency));
        let mut chart = chart(root, time.clone(), frequency.start / scale..frequency.end / scale)?;
        axes(&mut chart, "time (s)", &format!("frequency ({unit})"))?;
        heat(&mut chart, power_db, &time)?;
        for region in regions {
            let (low, high) = (region.frequency.start / scale, region.frequency.end / scale);
            let corners = [(region.time.start, low), (region.time.end, high)];
            chart.draw_series([Rectangle::new(corners, RED.stroke_width(2))])?;
            let label =
                Text::new(region.label.clone(), (region.time.start, high), FONT.into_font().color(&WHITE));
            chart.draw_series([label])?;
        }
        Ok(())
    })
}

/// Fills the plotting area pixel by pixel with the strongest cell behind each pixel.
fn heat(chart: &mut Chart, power_db: ArrayView2<f32>, time: &Range<f64>) -> anyhow::Result<()> {
    let (frames, bins) = power_db.dim();
    let mut sorted: Vec<f32> = power_db.iter().copied().filter(|p| p.is_finite()).collect();
    if sorted.is_empty() {
        return Ok(());
    }
    sorted.sort_by(f32::total_cmp);
    // A little below the median to the strongest: the floor keeps its texture, the signals their colour.
    let low = sorted[sorted.len() / 20];
    let high = sorted[sorted.len() - 1].max(low + 1.0);
    let area = chart.plotting_area();
    let (columns, rows) = area.dim_in_pixel();
    let range = area.get_y_range();
    let cells = |i: u32, pixels: u32, cells: usize| {
        let start = i as usize * cells / pixels as usize;
        start..((i as usize + 1) * cells / pixels as usize).max(start + 1)
    };
    for column in 0..columns {
        let t = time.start + (time.end - time.start) * f64::from(column) / f64::from(columns);
        let slab = power_db.slice_axis(Axis(0), Slice::from(cells(column, columns, frames)));
        for row in 0..rows {
            let f = range.start + (range.end - range.start) * f64::from(row) / f64::from(rows);
            let power = slab.slice_axis(Axis(1), Slice::from(cells(row, rows, bins)));
            let strongest = power.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            area.draw_pixel((t, f), &ViridisRGB.get_color_normalized(strongest.max(low), low, high))?;
        }
    }
    Ok(())
}

/// Points, one colour a series.
pub(crate) fn scatter(x_label: &str, y_label: &str, series: &[Series]) -> anyhow::Result<Vec<u8>> {
    xy(x_label, y_label, series, |chart, series, color| {
        let points = series.points.iter().filter(|p| finite(p));
        let marks = chart.draw_series(points.map(|&p| Circle::new(p, 3, color.mix(0.7).filled())))?;
        let key = move |(x, y)| Circle::new((x + 10, y), 4, color.filled());
        marks.label(&series.name).legend(key);
        Ok(())
    })
}

/// Lines, one colour a series.
pub(crate) fn lines(x_label: &str, y_label: &str, series: &[Series]) -> anyhow::Result<Vec<u8>> {
    xy(x_label, y_label, series, |chart, series, color| {
        let points = series.points.iter().copied().filter(finite);
        let line = chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?;
        let key = move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2));
        line.label(&series.name).legend(key);
        Ok(())
    })
}

/// A waterfall: each bar starts where the one before ended; a bar named in `totals` starts at zero.
///
/// - `steps`: name and signed height, left to right; a total's height is its value
pub(crate) fn waterfall(y_label: &str, steps: &[(String, f64, bool)]) -> anyhow::Result<Vec<u8>> {
    let mut bars = Vec::new();
    let mut level = 0.0;
    for (name, height, total) in steps {
        let from = if *total { 0.0 } else { level };
        level = from + height;
        bars.push((name, from, level, *total));
    }
    let heights = || bars.iter().flat_map(|bar| [bar.1, bar.2]);
    let (low, high) = heights().fold((0f64, 0f64), |(low, high), h| (low.min(h), high.max(h)));
    png(|root| {
        let margin = 0.12 * (high - low).max(1.0);
        let mut chart = chart(root, 0.0..bars.len().max(1) as f64, low - margin..high + margin)?;
        let mesh = &mut chart.configure_mesh();
        mesh.disable_x_mesh().x_labels(0).y_desc(y_label).label_style(FONT).axis_desc_style(FONT).draw()?;
        for (i, (name, from, to, total)) in bars.into_iter().enumerate() {
            let color = match (total, to < from) {
                (true, _) => Palette99::pick(2).to_rgba(),
                (false, true) => Palette99::pick(0).to_rgba(),
                (false, false) => Palette99::pick(1).to_rgba(),
            };
            let left = i as f64 + 0.1;
            chart.draw_series([Rectangle::new([(left, from), (left + 0.8, to)], color.filled())])?;
            let style = ("sans-serif", 13).into_font();
            chart.draw_series([Text::new(name.clone(), (left, low - margin * 0.2), style.clone())])?;
            let top = from.max(to) + margin * 0.45;
            chart.draw_series([Text::new(format!("{:.0}", to - from), (left, top), style)])?;
        }
        Ok(())
    })
}

fn xy(
    x_label: &str,
    y_label: &str,
    series: &[Series],
    mut draw: impl FnMut(&mut Chart, &Series, RGBAColor) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    let points = || series.iter().flat_map(|series| &series.points).filter(|p| finite(p));
    let span = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high { 0.0..1.0 } else { widened(low - 0.05 * (high - low)..high + 0.05 * (high - low)) }
    };
    png(|root| {
        let (x, y) = (span(&mut points().map(|p| p.0)), span(&mut points().map(|p| p.1)));
        let corner = emptiest_corner(points().copied(), &x, &y);
        let mut chart = chart(root, x, y)?;
        axes(&mut chart, x_label, y_label)?;
        for (i, series) in series.iter().enumerate() {
            draw(&mut chart, series, Palette99::pick(i).to_rgba())?;
        }
        let mut legend = chart.configure_series_labels();
        legend.position(corner);
        legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).label_font(FONT).draw()?;
        Ok(())
    })
}

/// The corner where a legend hides the fewest points.
fn emptiest_corner(
    points: impl Iterator<Item = (f64, f64)>,
    x: &Range<f64>,
    y: &Range<f64>,
) -> SeriesLabelPosition {
    use SeriesLabelPosition::{LowerLeft, LowerRight, UpperLeft, UpperRight};
    let mut corners = [(UpperRight, 0), (LowerRight, 0), (UpperLeft, 0), (LowerLeft, 0)];
    let place = |value: f64, range: &Range<f64>| (value - range.start) / (range.end - range.start);
    for (x, y) in points.map(|p| (place(p.0, x), place(p.1, y))) {
        // A legend takes about a quarter of the width and two fifths of the height.
        for (across, corner) in [(x > 0.72, 0), (x < 0.28, 2)] {
            for (along, corner) in [(y > 0.6, corner), (y < 0.4, corner + 1)] {
                corners[corner].1 += usize::from(across && along);
            }
        }
    }
    corners.into_iter().min_by_key(|corner| corner.1).map_or(UpperRight, |corner| corner.0)
}

fn chart<'a, 'b>(root: &'a Area<'b>, x: Range<f64>, y: Range<f64>) -> anyhow::Result<Chart<'a, 'b>> {
    let mut builder = ChartBuilder::on(root);
    Ok(builder.margin(12).x_label_area_size(44).y_label_area_size(70).build_cartesian_2d(x, y)?)
}

fn axes(chart: &mut Chart, x_label: &str, y_label: &str) -> anyhow::Result<()> {
    let mesh = &mut chart.configure_mesh();
    mesh.x_desc(x_label).y_desc(y_label).label_style(FONT).axis_desc_style(FONT);
    mesh.light_line_style(TRANSPARENT).bold_line_style(BLACK.mix(0.08)).draw()?;
    Ok(())
}

/// Draws on a white page of the one size and encodes it.
fn png(draw: impl FnOnce(&Area) -> anyhow::Result<()>) -> anyhow::Result<Vec<u8>> {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        // Fails only for a file that is no font; then the first text drawn reports it.
        let _ = register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
    });
    let mut pixels = vec![0; 3 * SIZE.0 as usize * SIZE.1 as usize];
    {
        let root = BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        draw(&root)?;
        root.present()?;
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels).map_err(|error| anyhow!("PNG: {error}"))?;
    Ok(bytes)
}

fn finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// An axis needs a length.
fn widened(range: Range<f64>) -> Range<f64> {
    if range.end - range.start > f64::EPSILON * range.end.abs() {
        range
    } else {
        range.start - 0.5..range.start + 0.5
    }
}

fn frequency_unit(range: &Range<f64>) -> (f64, &'static str) {
    match range.start.abs().max(range.end.abs()) {
        f if f >= 1e9 => (1e9, "GHz"),
        f if f >= 1e6 => (1e6, "MHz"),
        f if f >= 1e3 => (1e3, "kHz"),
        _ => (1.0, "Hz"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_goes_where_no_points_are() {
        let corner =
            |points: &[(f64, f64)]| emptiest_corner(points.iter().copied(), &(0.0..10.0), &(-1.0..1.0));
        let (right, left) = ([(9.0, 0.9), (9.0, -0.9)], [(1.0, 0.9), (1.0, -0.9)]);
        assert!(matches!(corner(&[]), SeriesLabelPosition::UpperRight));
        assert!(matches!(corner(&right), SeriesLabelPosition::UpperLeft));
        assert!(matches!(corner(&left), SeriesLabelPosition::UpperRight));
        assert!(matches!(corner(&[right[0], left[0], left[1]]), SeriesLabelPosition::LowerRight));
        assert!(matches!(corner(&[right[0], right[1], left[0]]), SeriesLabelPosition::LowerLeft));
    }
}
