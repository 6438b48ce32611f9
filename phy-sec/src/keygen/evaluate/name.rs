//! Methods as one word: `guard_band`, or `guard_band:alpha=0.5,sides=alice` where a field is not the default.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::keygen::preprocess::Preprocess;
use crate::{Error, Result};

/// Combinations that one text may stand for.
const MOST: usize = 10_000;

/// All methods that `text` stands for: `NAME`, or `NAME:FIELD=VALUE,...`, each value one or several between bars
/// (`guard_band:alpha=0.1|0.3|0.6` is three quantizers). A value is a number, `true`, `false`, or a word.
///
/// - `field`: what is chosen, for the error: `quantize`, `reconcile`, `preprocess`
///
/// # Errors
/// [`Error::OutOfRange`] for a name or a field that does not exist, or a value that does not fit.
pub fn parse<T: DeserializeOwned>(field: &'static str, text: &str) -> Result<Vec<T>> {
    let rule = "NAME or NAME:FIELD=VALUE,... of a method that exists";
    let unfit = |why: String| Error::OutOfRange { field, rule, got: format!("{text:?} ({why})") };
    let (name, rest) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
    let mut all = vec![Map::from_iter([("method".to_owned(), Value::from(name))])];
    for part in rest.split(',').filter(|part| !part.trim().is_empty()) {
        let (key, values) =
            part.split_once('=').ok_or_else(|| unfit(format!("{part:?} is no FIELD=VALUE")))?;
        let values: Vec<Value> = values.split('|').map(|value| scalar(value.trim())).collect();
        if all.len().saturating_mul(values.len()) > MOST {
            return Err(unfit(format!("more than {MOST} combinations")));
        }
        let with = |method: &Map<String, Value>, value: &Value| {
            let mut method = method.clone();
            method.insert(key.trim().to_owned(), value.clone());
            method
        };
        all = all.iter().flat_map(|method| values.iter().map(move |value| with(method, value))).collect();
    }
    let method = |map| serde_json::from_value(Value::Object(map)).map_err(|err| unfit(err.to_string()));
    all.into_iter().map(method).collect()
}

/// All lists of steps that `text` stands for: methods as in [`parse`], joined by `+`; `none` is no step.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_steps(text: &str) -> Result<Vec<Vec<Preprocess>>> {
    let mut lists = vec![Vec::new()];
    if text.trim() == "none" {
        return Ok(lists);
    }
    for part in text.split('+') {
        let steps: Vec<Preprocess> = parse("preprocess", part)?;
        if lists.len().saturating_mul(steps.len()) > MOST {
            let got = format!("{text:?} (more than {MOST} combinations)");
            return Err(Error::OutOfRange { field: "preprocess", rule: "fewer combinations", got });
        }
        let with = |list: &Vec<Preprocess>, step: &Preprocess| {
            [list.as_slice(), std::slice::from_ref(step)].concat()
        };
        lists = lists.iter().flat_map(|list| steps.iter().map(move |step| with(list, step))).collect();
    }
    Ok(lists)
}

/// The word for a method: its name, and the fields that are not the default. [`parse`] reads it back, unless a field is
/// a list.
#[must_use]
pub fn name<T: Serialize + DeserializeOwned>(method: &T) -> String {
    let fields = |method: &T| match serde_json::to_value(method) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let own = fields(method);
    let Some(name) = own.get("method").and_then(Value::as_str) else { return String::new() };
    let default = serde_json::from_value(serde_json::json!({ "method": name }));
    let default = default.as_ref().map(fields).unwrap_or_default();
    let changed = own.iter().filter(|(key, value)| *key != "method" && default.get(*key) != Some(value));
    let changed: Vec<String> = changed
        .map(|(key, value)| match value {
            Value::String(word) => format!("{key}={word}"),
            value => format!("{key}={value}"),
        })
        .collect();
    if changed.is_empty() { name.to_owned() } else { format!("{name}:{}", changed.join(",")) }
}

/// The word for a list of steps.
#[must_use]
pub fn name_of_steps(steps: &[Preprocess]) -> String {
    if steps.is_empty() {
        return "none".to_owned();
    }
    steps.iter().map(name).collect::<Vec<_>>().join("+")
}

fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keygen::quantize::Quantizer;
    use crate::keygen::reconcile::Reconciler;
    use proptest::prelude::*;

    #[test]
    fn every_method_is_its_name() {
        for word in Quantizer::ALL {
            assert_eq!(name(&parse::<Quantizer>("quantize", word).unwrap()[0]), *word);
        }
        for word in Preprocess::ALL {
            assert_eq!(name_of_steps(&parse_steps(word).unwrap()[0]), *word);
        }
        for word in Reconciler::ALL {
            assert_eq!(name(&parse::<Reconciler>("reconcile", word).unwrap()[0]), *word);
        }
    }

    #[test]
    fn fields_that_differ_are_said_and_read_back() {
        let text = "guard_band:alpha=0.5,sides=alice";
        let got = parse::<Quantizer>("quantize", text).unwrap();
        assert_eq!((got.len(), name(&got[0]).as_str()), (1, text));
        // A default that is said is still the default.
        assert_eq!(
            name(&parse::<Quantizer>("quantize", "guard_band: alpha = 0.3").unwrap()[0]),
            "guard_band"
        );
        assert_eq!(
            name(&parse::<Reconciler>("reconcile", "cascade:variant=option8").unwrap()[0]),
            "cascade:variant=option8"
        );

        let all = parse::<Quantizer>("quantize", "equiprobable:bits=1|2|3,offsets=1|4").unwrap();
        let names: Vec<String> = all.iter().map(name).collect();
        assert_eq!(names[0], "equiprobable:bits=1,offsets=1");
        assert_eq!((names.len(), names[5].as_str()), (6, "equiprobable:bits=3,offsets=4"));

        let steps = parse_steps("unit_norm + remove_trend:window=11|51").unwrap();
        assert_eq!(
            steps.iter().map(|list| name_of_steps(list)).collect::<Vec<_>>(),
            ["unit_norm+remove_trend:window=11", "unit_norm+remove_trend:window=51"]
        );
        assert_eq!(parse_steps("none").unwrap(), [vec![]]);
        assert_eq!(name_of_steps(&[]), "none");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text| parse::<Quantizer>("quantize", text).unwrap_err().to_string();
        let got = error("magic");
        assert!(
            got.starts_with("quantize must be NAME or NAME:FIELD=VALUE") && got.contains("magic"),
            "{got}"
        );
        assert!(error("guard_band:alhpa=1").contains("alhpa"), "{}", error("guard_band:alhpa=1"));
        assert!(error("guard_band:alpha").contains("no FIELD=VALUE"));
        assert!(error("guard_band:alpha=wide").contains("wide"));
        let many = vec!["0"; 200].join("|");
        assert!(error(&format!("guard_band:alpha={many},beta={many}")).contains("10000 combinations"));
        assert!(parse_steps(&vec!["difference:lag=1|2"; 20].join("+")).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z_:=,|+0-9. \"{}]{0,60}", other in "\\PC{0,40}") {
            for text in [text, other] {
                let _ = (parse::<Quantizer>("quantize", &text), parse_steps(&text));
            }
        }
    }
}
