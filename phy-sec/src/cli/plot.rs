//! Pictures as PNG bytes: for `spectrum` and for the report. Fonts are built in, so no system library is needed.

use std::{ops::Range, sync::Once};

use anyhow::anyhow;
use ndarray::{ArrayView2, Axis, Slice};
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::{
        FontStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
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

/// Power over time (to the right, seconds) and frequency (upwards, Hz), with the scale of its colours.
///
/// - `title`: over the picture; none if empty
/// - `power_db`: `[frame, bin]`, ascending frequency, dB per Hz
/// - `regions`: drawn on top
pub(crate) fn spectrogram(
    title: &str,
    power_db: ArrayView2<f32>,
    time: Range<f64>,
    frequency: Range<f64>,
    regions: &[Region],
) -> anyhow::Result<Vec<u8>> {
    png(|root| {
        let (scale, unit) = frequency_unit(&frequency);
        let (time, frequency) = (widened(time), widened(frequency));
        let frequency = frequency.start / scale..frequency.end / scale;
        let (picture, side) = root.split_horizontally(SIZE.0 - 90);
        let mut chart = chart(&picture, title, time.clone(), frequency.clone())?;
        axes(&mut chart, "time (s)", &format!("frequency ({unit})"))?;
        if let Some(levels) = levels(power_db) {
            heat(&mut chart, power_db, &time, &levels)?;
            color_scale(&side, &levels)?;
        }
        let inside = |x: f64, range: &Range<f64>| x.clamp(range.start, range.end);
        for region in regions {
            let [start, end] = [region.time.start, region.time.end].map(|t| inside(t, &time));
            let [low, high] =
                [region.frequency.start, region.frequency.end].map(|f| inside(f / scale, &frequency));
            chart.draw_series([Rectangle::new([(start, low), (end, high)], RED.stroke_width(2))])?;
            label(&mut chart, &region.label, (start, high))?;
        }
        Ok(())
    })
}

/// White on dark, from the upper left corner `at` of a box downwards, wholly inside the picture: readable on any colour.
fn label(chart: &mut Chart, text: &str, at: (f64, f64)) -> anyhow::Result<()> {
    let font = FONT.into_font();
    let (width, height) = font.box_size(text)?;
    let (width, height) = (width as i32 + 8, height as i32 + 6);
    let (across, along) = chart.plotting_area().get_pixel_range();
    let (x, y) = chart.backend_coord(&at);
    let (left, top) = ((across.end - x - width).min(0), (along.end - y - height).min(0));
    let dark = Rectangle::new([(left, top), (left + width, top + height)], BLACK.mix(0.7).filled());
    let text = Text::new(text.to_owned(), (left + 4, top + 2), font.color(&WHITE));
    chart.draw_series([EmptyElement::at(at) + dark + text])?;
    Ok(())
}

/// What the darkest and the brightest colour stand for: a little below the median to the strongest, so that the floor keeps
/// its texture and the signals their colour.
fn levels(power_db: ArrayView2<f32>) -> Option<Range<f32>> {
    let mut sorted: Vec<f32> = power_db.iter().copied().filter(|p| p.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let low = *sorted.get(sorted.len() / 20)?;
    Some(low..sorted.last()?.max(low + 1.0))
}

/// The colours beside the picture, with their decibels.
fn color_scale(area: &Area, levels: &Range<f32>) -> anyhow::Result<()> {
    let mut builder = ChartBuilder::on(area);
    builder.margin_top(12).margin_bottom(12 + 44).margin_right(8).y_label_area_size(52);
    let range = f64::from(levels.start)..f64::from(levels.end);
    let mut chart = builder.build_cartesian_2d(0.0..1.0, range.clone())?;
    const STEPS: u32 = 128;
    let step = (range.end - range.start) / f64::from(STEPS);
    chart.draw_series((0..STEPS).map(|i| {
        let from = range.start + f64::from(i) * step;
        let color = ViridisRGB.get_color_normalized(from as f32, levels.start, levels.end);
        Rectangle::new([(0.0, from), (1.0, from + step)], color.filled())
    }))?;
    let mesh = &mut chart.configure_mesh();
    mesh.disable_mesh().x_labels(0).y_labels(8).y_desc("dB/Hz").label_style(FONT).axis_desc_style(FONT);
    mesh.y_label_formatter(&|db| format!("{db:.0}")).draw()?;
    Ok(())
}

/// Fills the plotting area pixel by pixel with the strongest cell behind each pixel.
fn heat(
    chart: &mut Chart,
    power_db: ArrayView2<f32>,
    time: &Range<f64>,
    levels: &Range<f32>,
) -> anyhow::Result<()> {
    let (frames, bins) = power_db.dim();
    let (low, high) = (levels.start, levels.end);
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

/// Points, one colour a series. A few points far from all the others would squash these into a spot: then the axes end
/// where 98 % of the points do, and the title says how many are left out.
pub(crate) fn scatter(x_label: &str, y_label: &str, series: &[Series]) -> anyhow::Result<Vec<u8>> {
    let all = || series.iter().flat_map(|series| &series.points).filter(|p| finite(p));
    let (x, y) = (span(all().map(|p| p.0), true), span(all().map(|p| p.1), true));
    let (count, outside) = (all().count(), all().filter(|p| !x.contains(&p.0) || !y.contains(&p.1)).count());
    let title = if outside > 0 { format!("{outside} of {count} points lie outside") } else { String::new() };
    let (inside_x, inside_y) = (x.clone(), y.clone());
    xy(&title, (x_label, x), (y_label, y), series, |chart, series, color| {
        let points = series.points.iter().filter(|p| inside_x.contains(&p.0) && inside_y.contains(&p.1));
        let marks = chart.draw_series(points.map(|&p| Circle::new(p, 3, color.mix(0.7).filled())))?;
        let key = move |(x, y)| Circle::new((x + 10, y), 4, color.filled());
        marks.label(&series.name).legend(key);
        Ok(())
    })
}

/// Lines, one colour a series.
///
/// - `title`: over the picture; none if empty
pub(crate) fn lines(title: &str, x_label: &str, y_label: &str, series: &[Series]) -> anyhow::Result<Vec<u8>> {
    let all = || series.iter().flat_map(|series| &series.points).filter(|p| finite(p));
    let (x, y) = (span(all().map(|p| p.0), false), span(all().map(|p| p.1), false));
    xy(title, (x_label, x), (y_label, y), series, |chart, series, color| {
        let points = series.points.iter().copied().filter(finite);
        // A broad line through many points would have spikes where it turns.
        let broad = if series.points.len() > 200 { 1 } else { 2 };
        let line = chart.draw_series(LineSeries::new(points, color.stroke_width(broad)))?;
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
        let mut chart = chart(root, "", 0.0..bars.len().max(1) as f64, low - margin..high + margin)?;
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
            let centred =
                |vertical| style.clone().into_text_style(root).pos(Pos::new(HPos::Center, vertical));
            // Under the axis, every other name a line lower, so that long ones do not run into each other.
            let (x, y) = chart.backend_coord(&(left + 0.4, low - margin));
            let below = y + 5 + 17 * (i as i32 % 2);
            root.draw(&Text::new(name.clone(), (x, below), centred(VPos::Top)))?;
            let (x, y) = chart.backend_coord(&(left + 0.4, from.max(to)));
            root.draw(&Text::new(format!("{:.0}", to - from), (x, y - 3), centred(VPos::Bottom)))?;
        }
        Ok(())
    })
}

/// Most names in a legend inside the picture: more would hide the points.
const INSIDE: usize = 8;
/// Most names beside it.
const BESIDE: usize = 24;

fn xy(
    title: &str,
    (x_label, x): (&str, Range<f64>),
    (y_label, y): (&str, Range<f64>),
    series: &[Series],
    mut draw: impl FnMut(&mut Chart, &Series, RGBAColor) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<u8>> {
    let points = || series.iter().flat_map(|series| &series.points).filter(|p| finite(p));
    png(|root| {
        let corner = emptiest_corner(points().copied(), &x, &y);
        let beside = series.len() > INSIDE;
        let (picture, side) = root.split_horizontally(if beside { SIZE.0 - 190 } else { SIZE.0 });
        let mut chart = chart(&picture, title, x, y)?;
        axes(&mut chart, x_label, y_label)?;
        for (i, series) in series.iter().enumerate() {
            draw(&mut chart, series, Palette99::pick(i).to_rgba())?;
        }
        if beside {
            return names(&side, series);
        }
        if series.len() < 2 {
            return Ok(()); // the title says what it is
        }
        let mut legend = chart.configure_series_labels();
        legend.position(corner);
        legend.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).label_font(FONT).draw()?;
        Ok(())
    })
}

/// A legend beside the picture.
fn names(area: &Area, series: &[Series]) -> anyhow::Result<()> {
    let line = |i: usize| 24 + 18 * i as i32;
    let font = || FONT.into_font();
    for (i, series) in series.iter().take(BESIDE).enumerate() {
        area.draw(&Circle::new((10, line(i) + 7), 4, Palette99::pick(i).filled()))?;
        // What is longer than the margin is cut, and is seen to be.
        let mut name: String = series.name.chars().take(20).collect();
        if name.len() < series.name.len() {
            name = name.chars().take(18).chain("..".chars()).collect();
        }
        area.draw(&Text::new(name, (20, line(i)), font()))?;
    }
    if series.len() > BESIDE {
        area.draw(&Text::new(format!("and {} more", series.len() - BESIDE), (20, line(BESIDE)), font()))?;
    }
    Ok(())
}

/// The axis for these values, and a little more; `robust`: from the 1 % to the 99 % point where a few outliers would
/// take more than two thirds of it.
fn span(values: impl Iterator<Item = f64>, robust: bool) -> Range<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return 0.0..1.0 };
    let few = sorted.len() / 100;
    let (inner_low, inner_high) = (sorted[few], sorted[sorted.len() - 1 - few]);
    let squashed = high - low > 3.0 * (inner_high - inner_low) && inner_high > inner_low;
    let (low, high) = if robust && squashed { (inner_low, inner_high) } else { (low, high) };
    widened(low - 0.05 * (high - low)..high + 0.05 * (high - low))
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

fn chart<'a, 'b>(
    root: &'a Area<'b>,
    title: &str,
    x: Range<f64>,
    y: Range<f64>,
) -> anyhow::Result<Chart<'a, 'b>> {
    let mut builder = ChartBuilder::on(root);
    if !title.is_empty() {
        builder.caption(title, FONT);
    }
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

/// How frequencies of this size are written: the divisor and its name.
pub(crate) fn frequency_unit(range: &Range<f64>) -> (f64, &'static str) {
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
    fn one_outlier_does_not_squash_the_rest() {
        let values = |outlier: f64| (0..200).map(f64::from).chain([outlier]);
        assert_eq!(span(values(1e9), false).end, 1.05e9);
        let axis = span(values(1e9), true);
        assert!(axis.start > -10.0 && axis.end < 220.0 && axis.contains(&197.0), "{axis:?}");
        // What is not far out stays in.
        assert!(span(values(300.0), true).contains(&300.0));
        assert_eq!(span([].into_iter(), true), 0.0..1.0);
        assert!(span([2.0].into_iter(), true).contains(&2.0));
    }

    /// Whatever is to be drawn: nothing, one point, many names, a box beyond the edges.
    #[test]
    fn pictures_of_anything() {
        let series = |n: usize| -> Vec<Series> {
            (0..n)
                .map(|i| Series { name: format!("{i}").repeat(40), points: vec![(i as f64, 1.0)] })
                .collect()
        };
        let power = ndarray::Array2::from_elem((3, 4), -50.0f32);
        let region = Region { time: -1.0..9.0, frequency: -9e9..9e9, label: "pulsed".into() };
        let empty = ndarray::Array2::zeros((0, 4));
        for picture in [
            scatter("x", "y", &series(0)),
            scatter("x", "y", &series(40)),
            lines("title", "x", "y", &series(1)),
            spectrogram("title", power.view(), 0.0..1.0, -5e5..5e5, &[region]),
            spectrogram("", empty.view(), 0.0..1.0, 0.0..1.0, &[]),
            waterfall("bits", &[("raw_bits".into(), 10.0, true), ("leak".into(), -20.0, false)]),
            waterfall("bits", &[]),
        ] {
            assert!(picture.unwrap().starts_with(b"\x89PNG"));
        }
    }

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
