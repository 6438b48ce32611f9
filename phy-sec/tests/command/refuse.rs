//! What is refused, what is said of it, and what it exits with.

use std::{fs, path::Path, process::Command};

use crate::{
    path, phy_sec, refusal,
    signal::{cf32, jammed, noise},
    text,
};

#[test]
fn refusals_name_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        path(&file).to_owned()
    };
    let raw = at("x.cu8", &[128; 4096]);
    let unnamed = at("unnamed", &[128; 4096]);
    let endless = format!("file:{raw}?rate=1e6&loop=1");
    let npy = at("a.npy", b"\x93NUMPY");
    let empty = at("empty.cf32", &[]);
    let nan = at("nan.cf32", &f32::NAN.to_le_bytes().repeat(4096));
    let config = at("config.toml", b"[jaming]\n");
    for (args, status, words) in [
        (vec!["info", "/no/such/file.cu8"], 1, "/no/such/file.cu8"),
        (vec!["spectrum", &raw], 1, "--rate"),
        (vec!["spectrum", &raw, "--rate", "0"], 2, "from 0.001 to 1e12 Hz"),
        (vec!["detect", &raw, "--rate", "1e-300"], 2, "from 0.001 to 1e12 Hz, got 1e-300"),
        (vec!["info", &raw, "--freq", "often"], 2, "433.92M"),
        (vec!["detect", &raw, "--rate", "1M", "--pfa", "1e300"], 1, "within 1e-12..=0.1, got 1e300"),
        (vec!["info", "/no/such/thing"], 1, "error: /no/such/thing: No such file"),
        (vec!["info", &unnamed], 1, "--datatype"),
        (vec!["info", "-"], 1, "standard input is not read"),
        (vec!["spectrum", &empty, "--rate", "1e6"], 1, ""),
        (vec!["spectrum", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &nan, "--rate", "1e6"], 1, "not finite"),
        (vec!["detect", &raw, "--rate", "1e6", "--datatype", "zz99"], 1, "zz99"),
        (vec!["info", &raw, "--config", &config], 1, "jaming"),
        (vec!["keygen", "agree", &raw, &raw], 1, ""),
        (vec!["keygen", "agree", &npy], 1, "give the other end's file too"),
        (vec!["keygen", "sweep", "--doppler", "-1"], 1, "doppler must be"),
        (vec!["keygen", "sweep", "--interval", "nan"], 1, "interval must be"),
        (vec!["keygen", "sweep", "--rho", "-0.5,0.9"], 1, "rho must be"),
        (vec!["keygen", "sweep", "--eve-rho", "-1"], 1, "eve_rho must be"),
        (vec!["keygen", "agree", &raw, &raw, "--key-out", "k", "--derive", "kmac256:32:"], 2, "PURPOSE must"),
        (vec!["channel", &raw, "--rate", "1e6"], 1, "wifi, comb"),
        (vec!["fingerprint", "evaluate", "/no/such/folder"], 1, "/no/such/folder"),
        (vec!["demo", "--data", path(folder.path()), "--out", path(folder.path())], 1, path(folder.path())),
        (vec!["info", &endless], 1, "for ever"),
        (vec!["detect", &endless], 1, "for ever"),
        (vec!["spectrum", &endless], 1, "for ever"),
        (vec!["detect"], 2, "SOURCE"),
        (vec!["spectrum", &raw, "--rate", "1e6", "-o", "-"], 1, "standard output is not for"),
        (vec!["randomness", "-"], 1, "standard input is not read"),
        (vec!["capacity", "--rho-ab", "1"], 1, "--rho-ab must be between -1 and 1"),
        (vec!["capacity", "--rho-ab", "0.9", "--guard", "-1"], 1, "--guard must be within"),
        (vec!["detect", &raw, "--rate", "-5"], 2, "from 0.001 to 1e12 Hz, got -5"),
        (
            vec!["fingerprint", "enroll", path(folder.path()), "--gallery", &at("g.json", b"")],
            1,
            "labels.csv",
        ),
        (vec!["info", &raw, "--backend", "quantum"], 2, "quantum"),
    ] {
        let said = refusal(&args, status);
        assert!(said.contains(words), "{args:?} said {said}");
        assert!(!said.contains("panicked"), "{args:?} said {said}");
        let twice = args.len() > 1 && args[1].starts_with('/') && said.matches(args[1]).count() > 1;
        assert!(!twice || args[0] == "keygen", "{args:?} is named twice: {said}");
    }
}

/// A device gives bytes for ever, by its own name or behind one that a folder holds.
#[cfg(unix)]
#[test]
fn devices_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let series = folder.path().join("a.csv");
    fs::write(&series, "0,-20\n1,-30\n").unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("labels.csv")).unwrap();
    for args in [
        ["keygen", "agree", path(&series), "/dev/zero"],
        ["keygen", "agree", "/dev/zero", path(&series)],
        ["info", path(&series), "--config", "/dev/zero"],
        ["fingerprint", "identify", path(&series), "--gallery=/dev/zero"],
        ["fingerprint", "evaluate", path(folder.path()), "--json"],
        ["randomness", "/dev/zero", "--format", "bytes"],
        ["entropy", "/dev/zero", "--format", "bytes"],
    ] {
        let said = refusal(&args, 1);
        assert!(said.contains("not a regular file"), "{args:?} said {said}");
    }
}

/// What is given and does not count, or counts for less than it seems, is said.
#[test]
fn what_does_not_count_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (config, rssi) = (folder.path().join("c.toml"), folder.path().join("rssi.csv"));
    fs::write(&config, "[jamming]\nsample_rate = 5.0\n").unwrap();
    let said = phy_sec(&["detect", path(&jammed(folder.path(), false)), "--config", path(&config)]);
    assert!(text(&said.stderr).contains("sample_rate = 5.0 does not count"), "{said:?}");
    fs::write(&rssi, (0..50).map(|n| format!("{n},{}\n", (n * n) % 17)).collect::<String>()).unwrap();
    let said = phy_sec(&["keygen", "agree", path(&rssi), path(&rssi)]);
    assert!(said.status.success() && text(&said.stderr).contains("both ends are"), "{said:?}");
}

/// Status 10 is for those who ask for it.
#[test]
fn exit_codes_raise_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = jammed(folder.path(), false);
    let rssi = folder.path().join("rssi.csv");
    fs::write(&rssi, (0..50).map(|n| format!("{n},{}\n", (n * n) % 17)).collect::<String>()).unwrap();
    let status = |args: &[&str]| phy_sec(args).status.code();
    let (detect, agree) = (["detect", path(&file)], ["keygen", "agree", path(&rssi), path(&rssi)]);
    for args in [&detect[..], &agree] {
        assert_eq!(status(args), Some(0), "{args:?}");
        assert_eq!(status(&[args, &["--exit-code"]].concat()), Some(10), "{args:?}");
    }
    assert_eq!(status(&["info", path(&file), "--exit-code"]), Some(0));
}

/// Who has many files learns which one it is.
#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        path(&file).to_owned()
    };
    let sound = cf32(&noise(40_000, 0.1, 1));
    let nan = at("nan.cf32", &[sound.clone(), f32::NAN.to_le_bytes().repeat(2)].concat());
    let loud: Vec<u8> = noise(8192, 1e38, 2).iter().flatten().flat_map(|part| part.to_le_bytes()).collect();
    let loud = at("loud.cf32", &loud);
    let series: String = (0..400).map(|n| format!("{n},{}\n", (n * n) % 17)).collect();
    let rssi = at("rssi.csv", series.as_bytes());
    let huge = at("huge.csv", series.replace(",4\n", ",1e308\n").as_bytes());
    let csi: String = (0..400).map(|n| format!("0,0,{},{},1.5,{}\n", n / 10, n % 10, (n * n) % 17)).collect();
    let csi = at("csi.csv", csi.as_bytes());
    let config = at("my.toml", b"[keygen]\nfoo = 1\n");
    at("labels.csv", b"file,emitter,role,recording,samples,datatype,sample_rate\nx,a,enrolled,r,1,zz9,1e6\n");
    for (args, words) in [
        (vec!["detect", &nan, "--rate", "1e6"], &["nan.cf32"][..]),
        (vec!["detect", &loud, "--rate", "1e6"], &["loud.cf32"]),
        (vec!["keygen", "agree", &rssi, &csi], &["rssi.csv", "csi.csv"]),
        (vec!["keygen", "agree", &rssi, &huge], &["huge.csv"]),
        (vec!["keygen", "agree", &rssi, &rssi, "--config", &config], &["my.toml", "foo"]),
        (vec!["fingerprint", "evaluate", path(folder.path())], &["labels.csv", "line 2", "zz9"]),
    ] {
        let said = refusal(&args, 1);
        assert!(words.iter().all(|words| said.contains(words)), "{args:?} said {said}");
    }
    if cfg!(target_os = "linux") {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
            .args(["info", &rssi, "--datatype", "ci8"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("standard output"), "{output:?}");
    }
}

/// A slip of the keyboard costs no recording.
#[test]
fn nothing_of_somebody_else_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("r.cf32");
    let content = cf32(&noise(4096, 0.1, 1));
    fs::write(&recording, &content).unwrap();
    let link = folder.path().join(".").join("r.cf32");
    let uri = format!("file:{}?rate=1e6", path(&recording));
    let labels = "file,emitter,role,recording,samples,datatype,sample_rate\n\
                  r.cf32,a,enrolled,r,4096,cf32_le,1e6\n";
    fs::write(folder.path().join("labels.csv"), labels).unwrap();
    let report = folder.path().join("report.html");
    fs::write(&report, "somebody's page").unwrap();
    for (args, words) in [
        (vec!["spectrum", path(&recording), "--rate", "1e6", "-o", path(&recording)], "what is to be read"),
        (vec!["spectrum", path(&recording), "--rate", "1e6", "-o", path(&link)], "what is to be read"),
        (vec!["spectrum", &uri, "-o", path(&recording)], "what is to be read"),
        (vec!["spectrum", &uri, "-o", path(&report)], "no PNG picture"),
        (vec!["fingerprint", "enroll", path(folder.path()), "--gallery", path(&recording)], "no gallery"),
        (vec!["demo", "--out", path(folder.path())], "no report"),
    ] {
        let said = refusal(&args, 1);
        assert!(said.contains(words), "{args:?} said {said}");
    }
    assert_eq!(fs::read(&recording).unwrap(), content);
    assert_eq!(fs::read(&report).unwrap(), b"somebody's page");
    // What the command itself wrote is replaced.
    let picture = folder.path().join("s.png");
    for _ in 0..2 {
        assert!(phy_sec(&["spectrum", &uri, "-o", path(&picture)]).status.success());
    }
}

/// Who cannot be told still gets the status.
#[cfg(target_os = "linux")]
#[test]
fn an_error_that_cannot_be_printed_is_no_panic() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let command =
        Command::new(env!("CARGO_BIN_EXE_phy-sec")).args(["info", "/no/such"]).stderr(full).output();
    assert_eq!(command.unwrap().status.code(), Some(1));
}

/// A disk that is full costs nobody the file that was there.
#[cfg(unix)]
#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.png"), folder.path().join("link.png"));
    let uri = folder.path().join("x.cf32");
    fs::write(&uri, cf32(&noise(4096, 0.1, 1))).unwrap();
    let draw = |out: &Path| phy_sec(&["spectrum", path(&uri), "--rate", "1e6", "-o", path(out)]);
    fs::write(&real, b"\x89PNG\r\n\x1a\nold").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, &link).unwrap();
    assert!(draw(&link).status.success());
    assert!(link.is_symlink() && fs::metadata(&real).unwrap().len() > 100);
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left beside them");
    let nowhere = folder.path().join("nowhere.png");
    symlink(folder.path().join("missing"), &nowhere).unwrap();
    assert!(text(&draw(&nowhere).stderr).contains("a link to something that is not there"));
}

/// `phy-sec … | head -1` is no fault.
#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
        .arg("--help")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"));
}
