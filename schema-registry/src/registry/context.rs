//! Contexts: `:.name:subject` is a subject in the context `.name`; a plain subject is in
//! the default one. Ids are given out in each context by itself.

/// The name of the default context.
pub(super) const DEFAULT: &str = ".";

/// How a list asks for the subjects of all contexts.
pub(crate) const ALL: &str = ":*:";

/// The context whose settings count where nothing closer is set.
pub(super) const GLOBAL: &str = ".__GLOBAL";

/// The subject that stands for [`GLOBAL`] in settings.
pub(super) const GLOBAL_SUBJECT: &str = ":.__GLOBAL:";

/// A subject's context and its name there, which is empty where the context is meant.
pub(super) fn split(subject: &str) -> (&str, &str) {
    let Some(rest) = subject.strip_prefix(':').filter(|rest| rest.starts_with('.')) else {
        return (DEFAULT, subject);
    };
    rest.split_once(':').unwrap_or((rest, ""))
}

/// What subjects of a context begin with.
pub(super) fn prefix(context: &str) -> String {
    if context == DEFAULT { String::new() } else { format!(":{context}:") }
}

/// The one way to write a subject: `:.:subject` is `subject`, `:.name` is `:.name:`.
#[must_use]
pub(crate) fn normalize(subject: &str) -> String {
    let (context, name) = split(subject);
    prefix(context) + name
}

/// The subject that is meant by a reference or an alias in `parent`: a plain name is in
/// the same context.
pub(super) fn within(parent: &str, subject: &str) -> String {
    match (split(parent).0, split(subject)) {
        (parent, (DEFAULT, _)) if parent != DEFAULT => format!(":{parent}:{subject}"),
        _ => normalize(subject),
    }
}

/// The prefix of a context that is named in a path, in any of the ways to write it:
/// `name`, `.name`, `:.name:`.
///
/// # Errors
/// Says what is wrong with the name.
pub(crate) fn named(context: &str) -> Result<String, String> {
    let name = context.strip_prefix(':').unwrap_or(context);
    let name = name.strip_suffix(':').unwrap_or(name);
    if name.contains(':') {
        return Err(format!("Context name '{name}' cannot contain a colon"));
    }
    Ok(if name.starts_with('.') { prefix(name) } else { prefix(&format!(".{name}")) })
}

/// Whether a name says its context itself.
#[must_use]
pub(crate) fn is_qualified(subject: &str) -> bool {
    subject.starts_with(":.") || subject.starts_with(ALL)
}

/// Whether a name stands for the default context.
#[must_use]
pub(crate) fn is_default(subject: &str) -> bool {
    split(subject) == (DEFAULT, "")
}

/// Whether settings of `scope`, if that is a context, count for a subject.
pub(super) fn covers(scope: Option<&str>, subject: &str) -> bool {
    let Some(scope) = scope else {
        return true;
    };
    match split(scope) {
        (GLOBAL, "") => true,
        (context, "") => context == split(subject).0,
        _ => scope == subject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("orders", ".", "orders", "orders"),
            (":.:orders", ".", "orders", "orders"),
            (":.eu:orders", ".eu", "orders", ":.eu:orders"),
            (":.eu:", ".eu", "", ":.eu:"),
            (":.eu", ".eu", "", ":.eu:"),
            (":.eu:a:b", ".eu", "a:b", ":.eu:a:b"),
            (":eu:orders", ".", ":eu:orders", ":eu:orders"),
            ("", ".", "", ""),
        ];
        for (subject, context, name, normal) in cases {
            assert_eq!(split(subject), (context, name), "{subject}");
            assert_eq!(normalize(subject), normal);
        }
        for name in ["eu", ".eu", ":.eu:", ":.eu", "eu:"] {
            assert_eq!(named(name).as_deref(), Ok(":.eu:"), "{name}");
        }
        assert_eq!(named(".").as_deref(), Ok(""));
        assert!(named("a:b").is_err());
        assert_eq!(within(":.eu:a", "b"), ":.eu:b");
        assert_eq!(within(":.eu:a", ":.us:b"), ":.us:b");
        assert_eq!(within("a", ":.us:b"), ":.us:b");
        assert_eq!(within("a", "b"), "b");
        assert!(covers(Some(":.eu:"), ":.eu:a") && !covers(Some(":.eu:"), "a"));
        assert!(covers(Some(GLOBAL_SUBJECT), ":.eu:a") && covers(None, ":.eu:a"));
    }
}
