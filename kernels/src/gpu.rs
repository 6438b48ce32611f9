//! The GPU: adapter choice, buffers, and the errors that a device can have.
use std::fmt;
/// An opened device.
pub enum Gpu {}
impl fmt::Display for Gpu {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}
