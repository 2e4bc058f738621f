//! Secrets in answers, and back.

use std::collections::BTreeSet;

use thalweg_core::config::{ConfigMap, ConfigType, Definition, MASK, is_secret_name};

/// Which keys hold secrets: those declared so, and any whose name says so.
pub(crate) struct Secrets {
    declared: BTreeSet<String>,
}

impl Secrets {
    /// By these definitions.
    pub(crate) fn of(definitions: &[Definition]) -> Self {
        let secret = definitions.iter().filter(|d| d.kind == ConfigType::Password);
        Self { declared: secret.map(|definition| definition.name.clone()).collect() }
    }

    /// Whether this key holds one.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.declared.contains(key) || is_secret_name(key)
    }

    /// What may be shown of a value (invariant 8). Placeholders of config
    /// providers hold no secret themselves.
    pub(crate) fn shown<'a>(&self, key: &str, value: &'a str) -> &'a str {
        if self.has(key) && !value.is_empty() && !is_placeholder(value) { MASK } else { value }
    }

    /// A config as it may be shown.
    pub(crate) fn masked(&self, config: &ConfigMap) -> ConfigMap {
        config.iter().map(|(key, value)| (key.clone(), self.shown(key, value).to_owned())).collect()
    }

    /// Puts the stored value where a secret came back as its mask. The error
    /// names a key that has no stored value.
    pub(crate) fn restored(
        &self,
        mut posted: ConfigMap,
        stored: Option<&ConfigMap>,
    ) -> Result<ConfigMap, String> {
        for (key, value) in &mut posted {
            if value != MASK || !self.has(key) {
                continue;
            }
            match stored.and_then(|stored| stored.get(key)) {
                Some(kept) => value.clone_from(kept),
                None => {
                    return Err(format!(
                        "{key} is the mask {MASK} that stands for a secret in answers, and no \
                         value of it is stored: post the secret itself"
                    ));
                }
            }
        }
        Ok(posted)
    }
}

/// Whether a value is `${provider:...}`.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let Some(inner) = value.strip_prefix("${") else { return false };
    inner.ends_with('}')
        && inner.split_once(':').is_some_and(|(provider, _)| {
            !provider.is_empty() && provider.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}
