//! Paths of URLs.

use std::fmt::Write as _;

/// A name as a part of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn names_are_parts_of_paths() {
        assert_eq!(encoded(":.eu:a/b c%ü"), ":.eu:a%2Fb%20c%25%C3%BC");
    }
}
