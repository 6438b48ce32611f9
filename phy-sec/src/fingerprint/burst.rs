//! Bursts of known protocols: where each one is, who says that he sent it, and which samples say so.
//!
//! | Row | Bursts | Identity |
//! | --- | --- | --- |
//! | [`mode_s`] | Mode S replies and squitters of aircraft, 1090 MHz | ICAO address |

pub mod mode_s;
