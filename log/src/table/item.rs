//! Keys and values of tables as bytes.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a table can hold as a key or a value. Errors are in words; the table
/// adds where it happened.
pub trait TableItem: Sized + Send + Sync + 'static {
    /// Appends the bytes of this item to `out`. Equal keys must give equal
    /// bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;

    /// Reads an item back.
    fn decode(bytes: &[u8]) -> Result<Self, String>;
}

impl TableItem for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        String::from_utf8(bytes.to_vec()).map_err(|error| error.utf8_error().to_string())
    }
}

impl TableItem for Bytes {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        out.extend_from_slice(self);
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Ok(Bytes::copy_from_slice(bytes))
    }
}

/// An item that is stored as compact JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> TableItem for Json<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        serde_json::to_writer(out, &self.0).map_err(|error| error.to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        // Serde's messages of data errors quote the value: only their place is
        // told (invariant 8).
        serde_json::from_slice(bytes).map(Json).map_err(|error| {
            format!(
                "not the JSON that is expected here (line {}, column {})",
                error.line(),
                error.column()
            )
        })
    }
}
