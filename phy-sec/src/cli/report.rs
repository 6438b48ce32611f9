//! The demo's report: the table on the terminal, `report.json`, and a page that needs nothing beside itself.

use std::fmt::Write;

use base64::prelude::*;
use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use super::demo::{Row, Section};

/// Columns that a table is broken to where no terminal shows it: in a file or a pipe.
const WIDTH: u16 = 132;

/// Columns of the terminal, if there is one.
fn width() -> u16 {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    // Narrower than this, words would be cut; and a line longer than this nobody reads.
    terminal.map_or(WIDTH, |(width, _)| width.0.clamp(50, 200))
}

/// A rule under the header, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// One table per pipeline, the truth beside each decision.
pub(crate) fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let mut table = table(&["", "scene", "truth", "decision", "evidence"]);
        let roomy = width() >= WIDTH;
        if let Some(evidence) = table.column_mut(4).filter(|_| roomy) {
            evidence.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(56)));
        }
        for row in &section.rows {
            table.add_row([mark(row), &row.scene, &row.truth, &row.decision, &row.detail]);
        }
        let _ = writeln!(text, "{}\n{table}\n", section.title);
    }
    text
}

/// An empty table in the one style of every command.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table.set_header(header.iter().copied());
    table
}

/// Decibels; `None` for a power of zero, which has no logarithm.
pub(crate) fn db(power: f64) -> Option<f64> {
    (power > 0.0).then(|| 10.0 * power.log10())
}

/// The page: tables and pictures, self-contained.
pub(crate) fn html(heading: &str, facts: &[(&str, String)], sections: &[Section]) -> String {
    let mut page = String::from(HEAD);
    let _ = writeln!(page, "<h1>{}</h1>\n<p class=facts>", escape(heading));
    for (name, value) in facts {
        let _ = writeln!(page, "<span>{}: <b>{}</b></span>", escape(name), escape(value));
    }
    page.push_str("</p>\n");
    for section in sections {
        let _ = writeln!(page, "<h2>{}</h2>\n<table>", escape(section.title));
        page.push_str("<tr><th></th><th>scene</th><th>truth</th><th>decision</th><th>evidence</th></tr>\n");
        for row in &section.rows {
            let class = match row.right {
                Some(true) => "right",
                Some(false) => "wrong",
                None => "open",
            };
            let _ = write!(page, "<tr class={class}><td>{}</td>", mark(row));
            for cell in [&row.scene, &row.truth, &row.decision, &row.detail] {
                let _ = write!(page, "<td>{}</td>", escape(cell));
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</table>\n");
        for figure in &section.figures {
            let (title, caption) = (escape(&figure.title), escape(&figure.caption));
            let data = BASE64_STANDARD.encode(&figure.png);
            let _ = writeln!(
                page,
                "<figure><h3>{title}</h3><img alt=\"{title}\" src=\"data:image/png;base64,{data}\">\
                 <figcaption>{caption}</figcaption></figure>"
            );
        }
    }
    page.push_str("</main></html>\n");
    page
}

fn mark(row: &Row) -> &'static str {
    match row.right {
        Some(true) => "✓",
        Some(false) => "✗",
        None => "·",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>phy-sec report</title>
<meta name=viewport content=\"width=device-width\">
<style>
body{font:15px/1.5 system-ui,sans-serif;color:#1c1e21;background:#f4f5f7;margin:0}
main{max-width:1000px;margin:2em auto;padding:0 1.5em 2em;background:#fff;border:1px solid #e1e4e8;border-radius:8px}
h2{margin-top:2em;border-bottom:2px solid #e1e4e8}.facts span{margin-right:1.5em}
table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:left;color:#57606a}
td,th{padding:.35em .6em;border-bottom:1px solid #eaecef;vertical-align:top}
.right td:first-child{color:#1a7f37}.wrong td:first-child{color:#cf222e}.wrong{background:#fff5f5}
figure{margin:1.5em 0}figure h3{margin:.2em 0}img{max-width:100%}figcaption{color:#57606a;font-size:14px}
</style><main>
";

#[cfg(test)]
mod tests {
    use super::*;

    /// Scene names come from file names, so they are not ours to trust.
    #[test]
    fn names_cannot_write_markup() {
        let row = Row { scene: "<script>".into(), right: Some(false), ..Row::default() };
        let page = html("h", &[], &[Section { title: "t", rows: vec![row], ..Section::default() }]);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
    }
}
