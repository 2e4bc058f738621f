//! Bytes of the protocol: requests are read, answers are written.

pub(crate) mod layout;
mod reader;
mod response;

pub(crate) use reader::{Malformed, Reader};
pub(crate) use response::{Response, ResponseBuilder};
