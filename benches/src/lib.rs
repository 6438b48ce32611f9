//! Inputs and reporting shared by the benches.
//!
//! The inputs are those of the peers harness (`../shared/peers` beside the repository): read from
//! `$PEERS_HOME/inputs` where they are, made here, to the same bits, where they are not.

pub mod inputs;
pub mod measure;
pub mod randomness;
