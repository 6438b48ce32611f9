//! The `phy-sec` command.
fn main() {}
