//! One key under declaration.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{
    Choice, ConfigType, ConfigValue, Declare, Definition, Importance, Support, is_secret_name,
};

type Check<T> = Box<dyn Fn(&T) -> Result<(), String>>;

/// One key under declaration. It ends with [`Key::required`], [`Key::default`]
/// or [`Key::optional`], which record it and read its value.
#[must_use = "end it with required(), default() or optional()"]
pub struct Key<'d, 'a, T> {
    declare: &'d mut Declare<'a>,
    definition: Definition,
    names: Vec<&'static str>,
    parse: fn(&str) -> Result<T, String>,
    print: fn(&T) -> String,
    placeholder: fn() -> T,
    checks: Vec<Check<T>>,
}

impl<'d, 'a, T: Clone + 'static> Key<'d, 'a, T> {
    pub(super) fn value(declare: &'d mut Declare<'a>, name: &str, doc: &str) -> Self
    where
        T: ConfigValue,
    {
        Self {
            definition: definition(declare, name, doc, T::KIND),
            declare,
            names: Vec::new(),
            parse: T::parse,
            print: T::print,
            placeholder: T::placeholder,
            checks: Vec::new(),
        }
    }

    pub(super) fn choice(declare: &'d mut Declare<'a>, name: &str, doc: &str) -> Self
    where
        T: Choice,
    {
        let mut definition = definition(declare, name, doc, ConfigType::String);
        definition.recommended = T::ALL.iter().map(|(names, _)| names[0].to_owned()).collect();
        Self {
            definition,
            declare,
            names: Vec::new(),
            parse: |text| {
                T::of_name(text.trim()).ok_or_else(|| {
                    let names: Vec<_> = T::ALL.iter().map(|(names, _)| names[0]).collect();
                    format!("expected one of {}", names.join(", "))
                })
            },
            print: |value| value.as_name().to_owned(),
            placeholder: || T::ALL[0].1,
            checks: Vec::new(),
        }
    }

    /// Of high importance (the default is medium).
    pub fn high(mut self) -> Self {
        self.definition.importance = Importance::High;
        self
    }

    /// Of low importance.
    pub fn low(mut self) -> Self {
        self.definition.importance = Importance::Low;
        self
    }

    /// Its value is the name of a class.
    pub fn class(mut self) -> Self {
        self.definition.kind = ConfigType::Class;
        self
    }

    /// Another name that people still use for it.
    pub fn also(mut self, name: &'static str) -> Self {
        self.names.push(name);
        self
    }

    /// Values that make sense.
    pub fn recommend<I: IntoIterator<Item = S>, S: Into<String>>(mut self, values: I) -> Self {
        self.definition.recommended = values.into_iter().map(Into::into).collect();
        self
    }

    /// Only values in this range.
    pub fn range(self, range: RangeInclusive<T>) -> Self
    where
        T: PartialOrd + Display,
    {
        self.check(move |value| {
            if range.contains(value) {
                Ok(())
            } else {
                Err(format!("{value} is not between {} and {}", range.start(), range.end()))
            }
        })
    }

    /// Only values that pass. The error must not hold a secret value.
    pub fn check(mut self, check: impl Fn(&T) -> Result<(), String> + 'static) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    /// There must be a value.
    pub fn required(mut self) -> T {
        self.definition.required = true;
        let value = self.read();
        if value.is_none() && self.declare.reads() && !self.is_posted() {
            let name = self.definition.name.clone();
            let message =
                format!("Missing required configuration \"{name}\" which has no default value.");
            self.declare.problem(&name, message);
        }
        let placeholder = self.placeholder;
        self.end();
        value.unwrap_or_else(placeholder)
    }

    /// Without a posted value, this one.
    pub fn default(mut self, default: T) -> T {
        self.definition.default = Some((self.print)(&default));
        let value = self.read();
        self.end();
        value.unwrap_or(default)
    }

    /// There may be a value. An empty text is none.
    pub fn optional(mut self) -> Option<T> {
        let value = self.read();
        self.end();
        value
    }

    fn is_posted(&self) -> bool {
        self.posted().is_some()
    }

    /// The posted text under its name or an older one.
    fn posted(&self) -> Option<(String, String)> {
        std::iter::once(self.definition.name.as_str())
            .chain(self.names.iter().copied())
            .find_map(|name| self.declare.posted(name).map(|text| (name.to_owned(), text)))
            // A key that is posted empty is as good as not posted.
            .filter(|(_, text)| !text.is_empty() || self.definition.kind == ConfigType::Password)
    }

    fn read(&mut self) -> Option<T> {
        let (name, text) = self.posted()?;
        let read = (self.parse)(&text).and_then(|value| {
            self.checks.iter().try_for_each(|check| check(&value)).map(|()| value)
        });
        match read {
            Ok(value) => Some(value),
            Err(reason) => {
                let is_secret =
                    self.definition.kind == ConfigType::Password || is_secret_name(&name);
                let message = if is_secret {
                    format!("Invalid value for configuration {name}: {reason}")
                } else {
                    format!("Invalid value {text} for configuration {name}: {reason}")
                };
                self.declare.problem(&name, message);
                None
            }
        }
    }

    fn end(self) {
        self.declare.define(self.definition, &self.names);
    }
}

fn definition(declare: &Declare<'_>, name: &str, doc: &str, kind: ConfigType) -> Definition {
    Definition {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        importance: Importance::Medium,
        documentation: doc.to_owned(),
        group: declare.group(),
        recommended: Vec::new(),
        support: Support::Full,
    }
}
