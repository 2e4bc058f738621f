//! What this binary is put together from: connectors, and converters over the
//! registry of this process.

use std::net::SocketAddr;

use thalweg_connect::Plugins;

/// All connectors. Each crate lists its own.
pub(crate) fn all() -> Plugins {
    let plugins = Plugins::new();
    let plugins = thalweg_sources::connectors().into_iter().fold(plugins, Plugins::source);
    thalweg_sinks::connectors().into_iter().fold(plugins, Plugins::sink)
}

/// Whether a posted `schema.registry.url` means the registry of this process:
/// its listener under any loopback name, or one of the aliases that the
/// settings give. Several addresses may be posted, all must be ours.
pub(crate) fn is_own_registry(posted: &str, listener: SocketAddr, aliases: &[String]) -> bool {
    let plain = |url: &str| url.trim().trim_end_matches('/').to_ascii_lowercase();
    let port = listener.port();
    let own = [
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://{listener}"),
    ];
    posted
        .split(',')
        .map(plain)
        .all(|url| own.contains(&url) || aliases.iter().any(|alias| plain(alias) == url))
}

#[cfg(test)]
mod tests {
    use super::is_own_registry;

    #[test]
    fn the_own_registry_is_known_by_its_names() {
        let listener = "127.0.0.1:8081".parse().unwrap();
        let own = |url| is_own_registry(url, listener, &["http://schema-registry:8081".into()]);
        assert!(own("http://localhost:8081/"));
        assert!(own("http://schema-registry:8081,http://127.0.0.1:8081"));
        assert!(!own("http://localhost:8082"));
        assert!(!own("http://localhost:8081,http://other:8081"));
    }
}
