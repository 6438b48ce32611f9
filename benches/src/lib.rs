//! Inputs and reporting shared by the benches.
