//! Values that are never shown.

use std::fmt;

/// What is shown in place of a secret.
pub const MASK: &str = "********";

/// A secret text. It prints as [`MASK`]; only [`Secret::expose`] gives it
/// (invariant 8).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one who signs in with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Whether a key that nobody declared holds a secret, by its name.
#[must_use]
pub fn is_secret_name(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key == "basic.auth.user.info"
        || key.ends_with(".basic.auth.user.info")
        || ["password", "secret", "token", "jaas"].iter().any(|word| key.contains(word))
}
