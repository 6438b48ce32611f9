//! `phy-sec devices`, with the device that is built in, and in a build that has no radios.

use super::*;

#[cfg(feature = "phyreplay")]
#[test]
fn what_is_connected_is_listed() {
    let answer = &json(&["devices", "driver=phyreplay,serial=7,tx=loop", "--json"])[0];
    documented(answer);
    let device = &answer["devices"][0];
    assert_eq!(device["uri"], "soapy:driver=phyreplay,serial=7");
    let can = &device["can"];
    assert_eq!(
        (can["receive"].as_array().map(Vec::len), &can["hardware_time"]),
        (Some(2), &Value::Bool(true))
    );
    // Nothing that is asked of every module may end this process.
    let output = phy_sec(&["devices"]);
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("soapy:driver=phyreplay"), "{said}");
    // A driver that refuses its arguments is a line of the answer too.
    let answer = &json(&["devices", "driver=phyreplay,colour=red", "--json"])[0];
    assert!(answer["devices"][0]["error"].as_str().unwrap().ends_with("the argument colour is not known"));
}

#[cfg(not(feature = "soapy"))]
#[test]
fn without_radios_it_says_what_is_missing() {
    for args in [&["devices"][..], &["info", "soapy:driver=uhd"]] {
        let said = refusal(args, 1);
        assert!(said.contains("apt-get install libsoapysdr-dev pkg-config"), "{said}");
        assert!(said.contains("--features soapy"), "{said}");
    }
}
