//! The `phy-sec` command as its users meet it: what it prints, what it exits with, what it says to bad input.
#![cfg(feature = "cli")]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

mod channel;
mod demo;
mod detect;
mod devices;
mod fingerprint;
mod keygen;
mod measure;
mod refuse;
mod signal;
mod space;
mod stream;

fn phy_sec(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phy-sec")).args(args).output().expect("the command starts")
}

/// Runs a command that must succeed; its JSON lines.
fn json(args: &[&str]) -> Vec<Value> {
    let output = phy_sec(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs a command that must fail with `status`; what it says.
fn refusal(args: &[&str], status: i32) -> String {
    let output = phy_sec(args);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "{args:?} printed {}", text(&output.stdout));
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

/// The folder of recordings; `None`, said aloud, where there is none. CI must have it.
fn recordings() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = PathBuf::from(std::env::var_os("PHY_SEC_DATA").unwrap_or(default.into()));
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no recordings in {}", folder.display());
    eprintln!("SKIPPED: no recordings in {}; set PHY_SEC_DATA", folder.display());
    None
}

/// Every key that a command prints is named in the part of `docs/json.md` whose heading has the answer's schema.
fn documented(answer: &Value) {
    const DOCS: &str = include_str!("../../../docs/json.md");
    fn section(schema: &str) -> &'static str {
        let name = format!("`{schema}`");
        let mut sections = DOCS.split("\n## ");
        let found = sections.find(|section| section.lines().next().is_some_and(|head| head.contains(&name)));
        found.unwrap_or_else(|| panic!("docs/json.md has no section on {schema}"))
    }
    fn walk(value: &Value, part: &'static str, missing: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| walk(value, part, missing)),
            Value::Object(object) => {
                let schema = object.get("schema").and_then(Value::as_str);
                let part = schema.map_or(part, section);
                for (key, value) in object {
                    if key != "schema" && !part.contains(&format!("`{key}`")) {
                        missing.insert(format!("{key} of {}", part.lines().next().unwrap_or_default()));
                    }
                    // Its keys are the names of features.
                    if key != "measured" {
                        walk(value, part, missing);
                    }
                }
            }
            _ => {}
        }
    }
    assert!(answer["schema"].is_string(), "an answer without a schema: {answer}");
    let mut missing = BTreeSet::new();
    walk(answer, "", &mut missing);
    assert!(missing.is_empty(), "docs/json.md does not name {missing:?}");
}
