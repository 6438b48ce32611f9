//! Compiles the replay device into the crate where the feature `phyreplay` asks for it; otherwise does nothing.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "phyreplay")]
    phyreplay();
}

#[cfg(feature = "phyreplay")]
fn phyreplay() {
    println!("cargo:rerun-if-changed=phyreplay");
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(2).warnings(true);
    for file in ["device.cpp", "ether.cpp", "reader.cpp", "signal.cpp"] {
        build.file(format!("phyreplay/{file}"));
    }
    // Debian's headers lie on the common path; elsewhere pkg-config knows where.
    if let Ok(library) = pkg_config::Config::new().cargo_metadata(false).probe("SoapySDR") {
        build.includes(library.include_paths);
    }
    // Nothing refers to the driver by name: it registers itself, so the linker must not leave it out.
    build.link_lib_modifier("+whole-archive").compile("phyreplay");
}
