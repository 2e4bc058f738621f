//! Warnings that clients can cause as often as they ask, limited in their rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the same words are not repeated.
const PAUSE: Duration = Duration::from_secs(60);
/// Different warnings within that time; it bounds what is kept, too.
const WARNINGS_MAX: usize = 32;

static RECENT: Mutex<Recent> = Mutex::new(Recent(Vec::new()));

/// What was said, and when.
struct Recent(Vec<(String, Instant)>);

impl Recent {
    /// Whether these words are to be said now.
    fn admits(&mut self, words: &str, now: Instant) -> bool {
        self.0.retain(|(_, said)| now.duration_since(*said) < PAUSE);
        let is_new = self.0.iter().all(|(known, _)| known != words);
        let is_admitted = is_new && self.0.len() < WARNINGS_MAX;
        if is_admitted {
            self.0.push((words.to_owned(), now));
        }
        is_admitted
    }
}

/// Warns with these words, unless it was done just now.
pub(crate) fn warn(words: &str) {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    if recent.admits(words, Instant::now()) {
        tracing::warn!("{words}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_said_once_in_a_while() {
        let mut recent = Recent(Vec::new());
        let start = Instant::now();
        assert!(recent.admits("a", start));
        assert!(recent.admits("b", start));
        assert!(!recent.admits("a", start + PAUSE / 2));
        assert!(recent.admits("a", start + PAUSE));
    }

    #[test]
    fn many_different_words_are_limited() {
        let mut recent = Recent(Vec::new());
        let start = Instant::now();
        let said = (0..1000).filter(|n| recent.admits(&n.to_string(), start)).count();
        assert_eq!((said, recent.0.len()), (WARNINGS_MAX, WARNINGS_MAX));
        assert!(recent.admits("1000", start + PAUSE));
    }
}
