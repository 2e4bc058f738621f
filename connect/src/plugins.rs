//! The kinds of connectors that this process has.

use std::sync::Arc;

use thalweg_core::config::{ConfigMap, Declare, Problem};
use thalweg_core::connector::{About, Checked, DynSink, DynSource};

/// A kind of connector.
#[derive(Clone)]
pub enum Plugin {
    /// A source.
    Source(Arc<dyn DynSource>),
    /// A sink.
    Sink(Arc<dyn DynSink>),
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), self.about().class)
    }
}

impl Plugin {
    /// Who it is.
    #[must_use]
    pub fn about(&self) -> About {
        match self {
            Self::Source(source) => source.about(),
            Self::Sink(sink) => sink.about(),
        }
    }

    /// `source` or `sink`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Sink(_) => "sink",
        }
    }

    /// Names every key of the connector's own.
    pub fn declare(&self, keys: &mut Declare<'_>) {
        match self {
            Self::Source(source) => source.declare(keys),
            Self::Sink(sink) => sink.declare(keys),
        }
    }

    /// Problems between keys.
    #[must_use]
    pub fn validate(&self, config: &ConfigMap) -> Vec<Problem> {
        match self {
            Self::Source(source) => source.validate(config),
            Self::Sink(sink) => sink.validate(config),
        }
    }

    /// Looks at the outside world.
    pub async fn check(&self, config: &ConfigMap) -> Checked {
        match self {
            Self::Source(source) => source.check(config).await,
            Self::Sink(sink) => sink.check(config).await,
        }
    }
}

/// The kinds of connectors, found by their names.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    all: Vec<Plugin>,
}

impl Plugins {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source.
    #[must_use]
    pub fn source(mut self, source: Arc<dyn DynSource>) -> Self {
        self.all.push(Plugin::Source(source));
        self
    }

    /// Adds a sink.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn DynSink>) -> Self {
        self.all.push(Plugin::Sink(sink));
        self
    }

    /// All of them, by class.
    #[must_use]
    pub fn all(&self) -> Vec<&Plugin> {
        let mut all: Vec<&Plugin> = self.all.iter().collect();
        all.sort_by_key(|plugin| plugin.about().class);
        all
    }

    /// The plugin of this class, short class name (with or without `Connector`
    /// at its end, as Connect has it) or alias. The error lists those that exist.
    pub fn find(&self, name: &str) -> Result<&Plugin, String> {
        let name = name.trim();
        self.all.iter().find(|plugin| answers_to(&plugin.about(), name)).ok_or_else(|| {
            let known: Vec<String> = self
                .all()
                .iter()
                .map(|plugin| {
                    let about = plugin.about();
                    format!("{} ({}, {})", about.class, about.alias, plugin.kind())
                })
                .collect();
            format!(
                "Failed to find any class that implements Connector and which name matches \
                 {name}, available connectors are: {}",
                known.join(", ")
            )
        })
    }
}

fn answers_to(about: &About, name: &str) -> bool {
    let short = about.class.rsplit('.').next().unwrap_or(about.class);
    name == about.class
        || name == about.alias
        || name == short
        || short.strip_suffix("Connector").is_some_and(|shorter| name == shorter)
}
