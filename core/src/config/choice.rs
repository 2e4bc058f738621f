//! Values out of a fixed set.

/// A type with a fixed set of values, each with its names. Made by
/// [`choices!`](crate::choices).
pub trait Choice: Copy + PartialEq + 'static {
    /// All values; the first name of each is the one shown.
    const ALL: &'static [(&'static [&'static str], Self)];

    /// The value of this name, in any case.
    fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(names, _)| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .map(|&(_, value)| value)
    }

    /// Its first name.
    fn as_name(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(names, _)| names[0])
    }
}

/// Declares an enum whose variants have names in configs:
/// `Initial = "initial" | "other name"`.
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $vis:vis enum $type:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $($name:literal)|+),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $type {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $crate::config::Choice for $type {
            const ALL: &'static [(&'static [&'static str], Self)] =
                &[$((&[$($name),+], Self::$variant)),+];
        }
    };
}
