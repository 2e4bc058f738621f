//! Texts that many hold.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A text that is copied once as it is read: serde's own way to an `Arc<str>` makes a
/// `String` first.
pub(super) struct Text(pub(super) Arc<str>);

thread_local! {
    static LAST: RefCell<Arc<str>> = RefCell::new("".into());
}

/// The name of a subject, which is that of the one before more often than not: a record has
/// it in its key and in its value. So it is copied once, and freed where it was made.
pub(super) fn subject(name: &str) -> Arc<str> {
    LAST.with_borrow_mut(|last| {
        if **last != *name {
            *last = name.into();
        }
        Arc::clone(last)
    })
}

struct TextVisitor;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(TextVisitor)
    }
}

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.into()))
    }
}
