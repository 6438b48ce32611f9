//! The band on a terminal: state, spectrum, waterfall, events. Text in, text out.

use std::{collections::VecDeque, fmt::Write as _};

use phy_sec::jamming::State;

/// Lines of the waterfall, and events that stay.
const LINES: usize = 12;
const EVENTS: usize = 6;

/// What is drawn.
pub(super) struct View {
    width: usize,
    waterfall: VecDeque<Vec<f64>>,
    events: VecDeque<String>,
    /// Lines of the last picture, over which the next one is drawn.
    drawn: usize,
}

impl View {
    pub(super) fn new(width: usize) -> Self {
        Self { width: width.clamp(40, 200), waterfall: VecDeque::new(), events: VecDeque::new(), drawn: 0 }
    }

    pub(super) fn event(&mut self, text: String) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(text);
    }

    /// A picture, with what moves the cursor back over the last one.
    ///
    /// - `power`: of each bin, linear, ascending frequency
    pub(super) fn draw(&mut self, state: State, head: &str, power: &[f32], edges: [f64; 2]) -> String {
        let columns = columns(power, self.width);
        if self.waterfall.len() == LINES {
            self.waterfall.pop_back();
        }
        self.waterfall.push_front(columns.clone());
        // The floor and the top of what is to be seen, so that the picture does not pump with every line.
        let mut all: Vec<f64> =
            self.waterfall.iter().flatten().copied().filter(|db| db.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        let low = all.get(all.len() / 4).copied().unwrap_or(-100.0);
        let high = all.last().copied().unwrap_or(0.0).max(low + 10.0);
        let scale = |db: f64| ((db - low) / (high - low)).clamp(0.0, 1.0);

        let mut lines: Vec<String> = Vec::new();
        let colour = match state {
            State::Clear => "42;30",
            State::Activity => "44;97",
            State::Suspected => "43;30",
            State::Jamming => "41;97",
        };
        lines.push(format!(
            "\x1b[{colour}m {:^9} \x1b[0m {}",
            state.name(),
            cut(head, self.width.saturating_sub(12))
        ));
        const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        lines.push(columns.iter().map(|&db| BARS[(scale(db) * 8.0).round() as usize]).collect());
        let middle = self.width.saturating_sub(24);
        lines.push(format!(
            "{:<12.4}{:^middle$}{:>12.4}",
            edges[0] / 1e6,
            format!("MHz   {low:.0} to {high:.0} dBFS a bin"),
            edges[1] / 1e6
        ));
        for line in &self.waterfall {
            let mut text = String::new();
            let mut last = None;
            for &db in line {
                let shade = 232 + (scale(db) * 23.0).round() as u8;
                if last != Some(shade) {
                    let _ = write!(text, "\x1b[48;5;{shade}m");
                    last = Some(shade);
                }
                text.push(' ');
            }
            lines.push(text + "\x1b[0m");
        }
        lines.extend(self.events.iter().map(|event| cut(event, self.width)));
        let mut picture = String::new();
        if self.drawn > 0 {
            let _ = write!(picture, "\x1b[{}A", self.drawn);
        }
        for line in &lines {
            let _ = writeln!(picture, "\r{line}\x1b[K");
        }
        picture.push_str("\x1b[J");
        self.drawn = lines.len();
        picture
    }
}

/// The strongest bin of each column, dB.
fn columns(power: &[f32], width: usize) -> Vec<f64> {
    let bins = power.len().max(1);
    (0..width)
        .map(|column| {
            let (from, to) =
                (column * bins / width, ((column + 1) * bins / width).max(column * bins / width + 1));
            let most =
                power.get(from..to.min(power.len())).unwrap_or_default().iter().copied().fold(0.0, f32::max);
            10.0 * f64::from(most).log10()
        })
        .collect()
}

/// At most `width` characters, none of which steers the terminal.
fn cut(text: &str, width: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_where_it_is_and_pictures_lie_over_each_other() {
        let mut power = vec![1e-6f32; 256];
        power[192] = 1.0; // at three quarters
        let mut view = View::new(80);
        view.event("an\x1b[31m event\n".into());
        let first = view.draw(State::Jamming, "head", &power, [2.4e9, 2.5e9]);
        let lines: Vec<&str> = first.lines().collect();
        assert!(lines[0].contains("jamming") && lines[0].contains("head"), "{first}");
        let spectrum: Vec<char> = lines[1].trim_start_matches('\r').chars().collect();
        assert_eq!(spectrum.iter().position(|&c| c == '█'), Some(60), "{first}");
        assert!(lines[2].contains("2400.0000") && lines[2].contains("2500.0000"));
        assert!(first.contains("an[31m event"), "control characters are gone");
        let second = view.draw(State::Clear, "", &power, [0.0, 1.0]);
        assert!(second.starts_with(&format!("\x1b[{}A", lines.len() - 1)), "{second:?}");
        for odd in [&[][..], &[0.0; 3], &[f32::NAN; 300]] {
            view.draw(State::Activity, "", odd, [0.0, 0.0]);
        }
    }
}
