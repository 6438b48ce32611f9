//! `monitor`, `record`, `replay`, `doctor`: streams as they come.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    documented, json, path, phy_sec, refusal,
    signal::{cf32, jammed, noise},
    text,
};

fn of<'a>(lines: &'a [Value], schema: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["schema"] == schema).collect()
}

/// The same event as `detect` finds, in ECS's words; the state goes up before the event ends; its signal is kept.
#[test]
fn monitor_tells_states_and_alerts_and_keeps_the_signal() {
    let folder = tempfile::tempdir().unwrap();
    let file = jammed(folder.path(), false);
    let events = folder.path().join("events");
    let also = folder.path().join("also.ndjson");
    let args = ["monitor", path(&file), "--json", "--record-events", path(&events), "--output", path(&also)];
    let lines = json(&args);
    lines.iter().for_each(documented);
    let detected = json(&["detect", path(&file), "--json"]);
    let alerts = of(&lines, "phy-sec.alert/1");
    assert_eq!((alerts.len(), detected.len()), (1, 1));
    let alert = &alerts[0]["phy_sec"];
    assert_eq!(alert["sample_start"], detected[0]["core:sample_start"]);
    assert_eq!(alert["class"], "tone");
    assert_eq!(
        (&alert["answer"]["method"], &alerts[0]["threat"]["technique"]["id"][0]),
        (&"notch".into(), &"FGT5035".into())
    );
    let states: Vec<_> = of(&lines, "phy-sec.state/1").iter().map(|line| line["to"].clone()).collect();
    assert_eq!(states, ["activity", "suspected", "jamming", "clear"]);
    let begun = alert["sample_start"].as_u64().unwrap();
    let known = of(&lines, "phy-sec.state/1")[2]["sample"].as_u64().unwrap();
    assert!(known > begun && known < begun + 10_000, "jamming at {known}, begun at {begun}");
    let status = of(&lines, "phy-sec.status/1");
    assert_eq!(status.last().unwrap()["stream"]["samples"], 120_000);
    assert_eq!(status.last().unwrap()["stream"]["consumers"][0]["dropped_samples"], 0);
    assert_eq!(fs::read_to_string(&also).unwrap().lines().count(), lines.len());

    let kept: Vec<_> = fs::read_dir(&events).unwrap().map(|entry| entry.unwrap().path()).collect();
    let meta = kept.iter().find(|path| path.extension().is_some_and(|end| end == "sigmf-meta")).unwrap();
    let info = &json(&["info", path(meta), "--json"])[0];
    assert!(info["samples"].as_u64().unwrap() >= 20_000 && info["annotations"] == 1, "{info}");
    let metadata: Value = serde_json::from_slice(&fs::read(meta).unwrap()).unwrap();
    assert_eq!(metadata["annotations"][0]["phy-sec:event"]["class"], "tone");
    // Not a terminal: plain lines.
    let plain = phy_sec(&["monitor", path(&file), "--exit-code"]);
    let said = text(&plain.stdout);
    assert!(said.contains("suspected -> jamming") && said.contains("1 event(s)"), "{said}");
    assert!(!said.contains('\u{1b}') && plain.status.code() == Some(10), "{said:?}");
}

/// An endless paced recording as if it were a radio: metrics while it runs, lines to a server, and a clean end on Ctrl-C.
#[test]
#[cfg(unix)]
fn monitor_runs_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.cf32");
    fs::write(&file, cf32(&noise(50_000, 0.1, 2))).unwrap();
    let uri = format!("file:{}?rate=200k&realtime=true&loop=true", path(&file));
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = format!("tcp:{}", server.local_addr().unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_phy-sec"))
        .args(["monitor", &uri, "--status", "0.1", "--output", &output, "--metrics", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let mut lines = BufReader::new(server.accept().unwrap().0).lines();
    let page = |address: &str| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut page = String::new();
        client.read_to_string(&mut page).unwrap();
        page
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let samples = |page: &str| {
        let value = page.lines().find_map(|line| line.strip_prefix("phy_sec_samples_total "));
        value.and_then(|value| value.parse::<f64>().ok())
    };
    while samples(&page(&address)).is_none_or(|samples| samples < 100_000.0) {
        assert!(Instant::now() < deadline, "no samples");
        std::thread::sleep(Duration::from_millis(50));
    }
    let gaps = page(&address);
    assert!(gaps.contains("\nphy_sec_dropped_samples_total{consumer=\"detector\"} "), "{gaps}");
    let status: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    documented(&status);
    // The shell's own: not every machine has the program.
    Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    let begun = Instant::now();
    let ended = child.wait().unwrap();
    assert!(ended.success() && begun.elapsed() < Duration::from_secs(20), "{ended:?}");
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(out.contains("blocks judged"), "{out}");
}

#[test]
fn record_and_replay_keep_every_sample_and_every_gap() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.cf32");
    let bytes = cf32(&noise(50_000, 0.1, 2));
    fs::write(&file, &bytes).unwrap();
    let uri = format!("file:{}?rate=1M", path(&file));
    let to = folder.path().join("b.sigmf-meta");
    let done = json(&["record", &uri, path(&to), "--json"]);
    done.iter().for_each(documented);
    assert_eq!((&done[0]["samples"], &done[0]["why"]), (&50_000.into(), &"the source ended".into()));
    assert_eq!(fs::read(folder.path().join("b.sigmf-data")).unwrap(), bytes);
    // And back, into what it was.
    let back = folder.path().join("c.cf32");
    let done = json(&["replay", path(&to), path(&back), "--json"]);
    done.iter().for_each(documented);
    assert_eq!(fs::read(&back).unwrap(), bytes);

    // Round and round, until it is enough: a gap at each seam, in files of 0.1 s.
    let seams = folder.path().join("d.sigmf-meta");
    let looped = format!("{uri}&loop=true");
    let done = json(&["record", &looped, path(&seams), "--duration", "0.12", "--rotate", "100ms", "--json"]);
    assert_eq!((&done[0]["samples"], &done[0]["gaps_recorded"]), (&120_000.into(), &2.into()));
    let files = done[0]["files"].as_array().unwrap();
    let info = |k: usize| json(&["info", files[k].as_str().unwrap(), "--json"])[0].clone();
    let (first, second) = (info(0), info(1));
    assert_eq!(
        (&first["samples"], &first["gaps"], &first["annotations"]),
        (&100_000.into(), &1.into(), &1.into())
    );
    assert_eq!((&second["samples"], &second["annotations"]), (&20_000.into(), &1.into()));

    let said = refusal(&["record", &uri, path(&to)], 1);
    assert!(said.contains("exists already"), "{said}");
    for (args, words) in [
        (vec!["record", &uri, "x.cf32"], "use NAME.sigmf-meta"),
        (vec!["replay", &looped, "x.cf32"], "--duration"),
        (vec!["monitor", path(&file)], "--rate"),
        (vec!["monitor", &uri, "--output", "mqtt:broker"], "MQTT is not built in"),
    ] {
        let said = refusal(&args, 1);
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn the_doctor_says_what_to_do() {
    let checks = &json(&["doctor", "--no-disk", "--json"])[0];
    documented(checks);
    let checks = checks["checks"].as_array().unwrap();
    assert!(checks.len() >= 10);
    for check in checks {
        let nothing_to_do = check["advice"].as_str().unwrap().is_empty();
        assert!(nothing_to_do || check["verdict"] != "good", "{check}");
        assert!(!check["found"].as_str().unwrap().is_empty(), "{check}");
    }
}
