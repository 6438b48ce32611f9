//! Measurements as text tables: RSSI of one end or of both, and CSI magnitudes.

use ndarray::Array2;

use super::{Kind, Trace};
use crate::{Error, Result};

const WHAT: &str = "CSV";

/// One end's RSSI: `value`, or `index,value` with the index as sequence number. A first line without numbers is a
/// heading.
///
/// # Errors
/// [`Error::Malformed`] with the line; [`Error::TooShort`] for a table without a number.
pub fn series(bytes: &[u8]) -> Result<Trace> {
    let (_, rows) = numbers(bytes)?;
    let columns = rows[0].1.len();
    match columns {
        1 => Trace::new(lane(rows.iter().map(|(_, row)| row[0])), None, None, Kind::Rssi),
        2 => {
            let mut sequence = Vec::with_capacity(rows.len());
            for (line, row) in &rows {
                let index = row[0];
                // Above 2^53 neighbouring integers share a number.
                if index.fract() != 0.0 || !(0.0..=9_007_199_254_740_992.0).contains(&index) {
                    return Err(malformed(*line, format!("the index {index} is not a natural number")));
                }
                sequence.push(index as u64);
            }
            Trace::new(lane(rows.iter().map(|(_, row)| row[1])), Some(sequence), None, Kind::Rssi)
        }
        n => Err(malformed(rows[0].0, format!("{n} columns where `value` or `index,value` is needed"))),
    }
}

/// Both ends' RSSI, a pair per line: Alice's column and Bob's, found by the heading (`alice`, `bob` in it), otherwise
/// the first is Alice's. The line number pairs them.
///
/// # Errors
/// As [`series`].
pub fn pairs(bytes: &[u8]) -> Result<(Trace, Trace)> {
    let (heading, rows) = numbers(bytes)?;
    if rows[0].1.len() != 2 {
        let n = rows[0].1.len();
        return Err(malformed(rows[0].0, format!("{n} columns where one for each end is needed")));
    }
    let names = |column: usize, name: &str| {
        heading.as_ref().is_some_and(|heading| heading[column].to_lowercase().contains(name))
    };
    let alice = usize::from(names(1, "alice") || names(0, "bob"));
    let sequence: Vec<u64> = (0..rows.len() as u64).collect();
    let column = |column: usize| {
        let values = lane(rows.iter().map(|(_, row)| row[column]));
        Trace::new(values, Some(sequence.clone()), None, Kind::Rssi)
    };
    Ok((column(alice)?, column(1 - alice)?))
}

/// One end's CSI magnitudes as the Atheros CSI tools' scripts write them: hour, minute, second, microsecond, then one
/// number for each subcarrier; a line per packet, or the table turned around (a column per packet).
///
/// # Errors
/// As [`series`]; also where neither direction holds times of day.
pub fn magnitudes(bytes: &[u8]) -> Result<Trace> {
    let (_, rows) = numbers(bytes)?;
    let (height, width) = (rows.len(), rows[0].1.len());
    let at = |packet: usize, field: usize, turned: bool| {
        if turned { rows[field].1[packet] } else { rows[packet].1[field] }
    };
    let fits = |turned: bool| {
        let (packets, fields) = if turned { (width, height) } else { (height, width) };
        let whole = |x: f64, most: f64| x.fract() == 0.0 && (0.0..=most).contains(&x);
        fields > 4
            && (0..packets).all(|packet| {
                [23.0, 59.0, 60.0, 999_999.0]
                    .iter()
                    .enumerate()
                    .all(|(field, &most)| whole(at(packet, field, turned), most))
            })
    };
    let turned = match (fits(false), fits(true)) {
        (true, _) => false,
        (false, true) => true,
        (false, false) => {
            let reason = "neither lines nor columns begin with hour, minute, second, microsecond";
            return Err(malformed(rows[0].0, reason.into()));
        }
    };
    let (packets, fields) = if turned { (width, height) } else { (height, width) };
    let time = (0..packets)
        .map(|packet| {
            let field = |field| at(packet, field, turned);
            field(0) * 3600.0 + field(1) * 60.0 + field(2) + field(3) * 1e-6
        })
        .collect();
    let values = Array2::from_shape_fn((fields - 4, packets), |(lane, packet)| at(packet, lane + 4, turned));
    Trace::new(values, None, Some(time), Kind::Csi)
}

/// RSSI of one to three parties, a row for each: Alice, Bob, and who listens. The place in the row pairs them.
///
/// # Errors
/// As [`series`]; also for more than three rows.
pub fn parties(bytes: &[u8]) -> Result<Vec<Trace>> {
    let (_, rows) = numbers(bytes)?;
    if rows.len() > 3 {
        return Err(malformed(rows[3].0, "a fourth row, where three parties have one each".into()));
    }
    let sequence: Vec<u64> = (0..rows[0].1.len() as u64).collect();
    let party = |(_, row): &(u64, Vec<f64>)| {
        Trace::new(lane(row.iter().copied()), Some(sequence.clone()), None, Kind::Rssi)
    };
    rows.iter().map(party).collect()
}

/// Whether `bytes` look like a table of CSI magnitudes rather than of RSSI: more than two columns in the first line.
#[must_use]
pub fn is_wide(bytes: &[u8]) -> bool {
    bytes.iter().take_while(|&&byte| byte != b'\n').filter(|&&byte| byte == b',').count() > 1
}

fn lane(values: impl ExactSizeIterator<Item = f64>) -> Array2<f64> {
    let values: Vec<f64> = values.collect();
    ndarray::Array1::from_vec(values).insert_axis(ndarray::Axis(0))
}

fn malformed(line: u64, reason: String) -> Error {
    Error::Malformed { what: WHAT, place: format!("line {line}"), reason }
}

/// The heading, if the first line is one, and each further line's number and finite numbers, as many in each.
/// There is at least one.
type Numbers = (Option<Vec<String>>, Vec<(u64, Vec<f64>)>);

fn numbers(bytes: &[u8]) -> Result<Numbers> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut heading = None;
    let mut rows: Vec<(u64, Vec<f64>)> = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|err| {
            let line = err.position().map_or(0, csv::Position::line);
            malformed(line, "not a line of UTF-8 text".into())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        if index == 0 && record.iter().all(|field| field.parse::<f64>().is_err()) {
            heading = Some(record.iter().map(str::to_owned).collect::<Vec<_>>());
            continue;
        }
        let mut row = Vec::with_capacity(record.len());
        for field in &record {
            let number = field.parse::<f64>().ok().filter(|number| number.is_finite());
            row.push(number.ok_or_else(|| malformed(line, format!("{field:?} is not a finite number")))?);
        }
        let need = rows.first().map(|(_, first)| first.len()).or(heading.as_ref().map(Vec::len));
        if let Some(need) = need.filter(|&need| need != row.len()) {
            return Err(malformed(line, format!("{} columns after lines with {need}", row.len())));
        }
        rows.push((line, row));
    }
    if rows.is_empty() {
        return Err(Error::TooShort { what: WHAT, need: 1, unit: "line of numbers", got: 0 });
    }
    Ok((heading, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_columns() {
        let trace = series(b"idx,rssi\n0,-23\n2,-25.5\n").unwrap();
        assert_eq!(
            (trace.values.as_slice().unwrap(), trace.sequence),
            (&[-23.0, -25.5][..], Some(vec![0, 2]))
        );
        assert_eq!(series(b"\xEF\xBB\xBF-1\r\n-2\r\n").unwrap().values.as_slice().unwrap(), [-1.0, -2.0]);
        for (text, alice) in
            [("rssi_bob,rssi_alice\n1,2\n", 2.0), ("GW RSSI,ED RSSI\n1,2\n", 1.0), ("1,2", 1.0)]
        {
            let (a, b) = pairs(text.as_bytes()).unwrap();
            assert_eq!((a.values[[0, 0]], b.values[[0, 0]]), (alice, 3.0 - alice), "{text}");
        }
    }

    #[test]
    fn magnitudes_either_way() {
        let lines = "0,4,38,907875,21.5,29\n0,4,39,0,20,28\n";
        let columns = "0,0\n4,4\n38,39\n907875,0\n21.5,20\n29,28\n";
        let (a, b) = (magnitudes(lines.as_bytes()).unwrap(), magnitudes(columns.as_bytes()).unwrap());
        assert_eq!(a, b);
        assert_eq!((a.lanes(), a.len()), (2, 2));
        assert_eq!(a.time.unwrap(), [278.907875, 279.0]);
    }

    #[test]
    fn a_row_for_each_party() {
        let parties = parties(b"-98.5,-99,-100\n-97,-98,-99.5\n-80,-81,-80\n").unwrap();
        assert_eq!((parties.len(), parties[0].lanes(), parties[0].kind), (3, 1, Kind::Rssi));
        assert_eq!(parties[2].values.as_slice().unwrap(), [-80.0, -81.0, -80.0]);
        assert_eq!(parties[1].sequence, Some(vec![0, 1, 2]));
        let err = super::parties(b"1,2\n1,2\n1,2\n1,2\n").unwrap_err().to_string();
        assert_eq!(err, "CSV, line 4: a fourth row, where three parties have one each");
    }

    #[test]
    fn bad_tables() {
        let of_series = |text: &str| series(text.as_bytes()).unwrap_err().to_string();
        for (text, says) in [
            ("", "CSV needs at least 1 line of numbers, got 0"),
            ("idx,rssi\n", "CSV needs at least 1 line of numbers, got 0"),
            ("idx,rssi\n0,1\n1,NaN\n", "CSV, line 3: \"NaN\" is not a finite number"),
            ("0,1\n1,1e400\n", "CSV, line 2: \"1e400\" is not a finite number"),
            ("0,1\n1\n", "CSV, line 2: 1 columns after lines with 2"),
            ("0,1\n-1,2\n", "CSV, line 2: the index -1 is not a natural number"),
            ("0,1\n0.5,2\n", "CSV, line 2: the index 0.5 is not a natural number"),
            ("0,1,2\n", "CSV, line 1: 3 columns where `value` or `index,value` is needed"),
        ] {
            assert_eq!(of_series(text), says, "{text}");
        }
        let err = series(b"0,1\n1,\xFF\n").unwrap_err().to_string();
        assert!(err.contains("line 2"), "{err}");
        let err = magnitudes(b"1,2,3,4.5,5,6\n").unwrap_err().to_string();
        assert_eq!(
            err,
            "CSV, line 1: neither lines nor columns begin with hour, minute, second, microsecond"
        );
        assert!(pairs(b"1\n2\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[0-9,.\n eNna-]{0,80}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = (series(bytes), pairs(bytes), magnitudes(bytes), parties(bytes), is_wide(bytes));
            }
        }
    }
}
