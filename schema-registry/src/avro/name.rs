//! Names of records, enums and fixed types.

use super::model::Kind;

/// The full name of a named type, or one of its aliases.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    full: Box<str>,
    /// Where the simple name begins in `full`.
    simple: usize,
}

impl Name {
    /// A name as a schema gives it: a dotted one is full; another one is in `namespace`.
    pub(crate) fn resolve(given: &str, namespace: Option<&str>) -> Self {
        let (namespace, simple) = match given.rsplit_once('.') {
            Some((namespace, simple)) => (Some(namespace), simple),
            None => (namespace, given),
        };
        match namespace {
            Some(namespace) if !namespace.is_empty() => {
                Self { full: format!("{namespace}.{simple}").into(), simple: namespace.len() + 1 }
            }
            _ => Self { full: simple.into(), simple: 0 },
        }
    }

    /// Namespace and simple name, with a dot between.
    #[must_use]
    pub fn full(&self) -> &str {
        &self.full
    }

    /// The name without its namespace.
    #[must_use]
    pub fn simple(&self) -> &str {
        self.full.get(self.simple..).unwrap_or_default()
    }

    /// The namespace, if there is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.full.get(..self.simple.checked_sub(1)?)
    }

    /// How this name is written where `namespace` is the one in force: Java writes the
    /// simple name inside its own namespace, unless it reads as a primitive type there.
    pub(crate) fn within(&self, namespace: Option<&str>) -> &str {
        let own = self.namespace();
        if own == namespace && (own.is_none() || Kind::primitive(self.simple()).is_none()) {
            self.simple()
        } else {
            &self.full
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.full)
    }
}

/// Says what is wrong with a name, if anything: Java wants a letter or an underscore,
/// then letters, digits and underscores.
///
/// Java takes the letters of all scripts in the basic plane; so do we, but for the few
/// marks and circled letters that Unicode calls alphabetic and Java does not.
pub(crate) fn problem(name: &str) -> Option<String> {
    let mut chars = name.chars();
    let Some(first) = chars.next() else {
        return Some("a name is empty".to_owned());
    };
    if !is_letter(first) {
        return Some(format!("name {name:?} must begin with a letter or an underscore"));
    }
    let bad = chars.find(|c| !is_letter(*c) && !c.is_ascii_digit())?;
    Some(format!(
        "name {name:?} holds {bad:?}: only letters, digits and underscores may be in a name"
    ))
}

fn is_letter(c: char) -> bool {
    c == '_'
        || c.is_ascii_alphabetic()
        || (!c.is_ascii() && c.len_utf16() == 1 && c.is_alphabetic() && !c.is_numeric())
}
