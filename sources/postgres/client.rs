//! Connections for SQL, and the words for what goes wrong with them.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use thalweg_core::config::{Secret, choices};
use thalweg_core::{ConnectError, ErrorKind};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::transport::{Fault, ServerError};

choices! {
    /// Whether connections are encrypted, and who is trusted: libpq's modes.
    pub enum SslMode {
        /// Encrypted if the server offers it; nobody is checked.
        Prefer = "prefer" | "allow",
        /// Not encrypted.
        Disable = "disable",
        /// Encrypted; nobody is checked, unless `database.sslrootcert` is set.
        Require = "require",
        /// Encrypted, the server's certificate is of a trusted authority.
        VerifyCa = "verify-ca",
        /// As `verify-ca`, and it is the certificate of this host.
        VerifyFull = "verify-full",
    }
}

/// A server and who signs in to it.
#[derive(Clone)]
pub(crate) struct Server {
    /// Its name or address.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// The user.
    pub(crate) user: String,
    /// The user's password.
    pub(crate) password: Secret,
    /// The database.
    pub(crate) database: String,
    /// Whether to encrypt.
    pub(crate) ssl_mode: SslMode,
    /// How to encrypt; none if not.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Whether TCP looks after idle connections.
    pub(crate) keepalive: bool,
}

impl Server {
    /// Settings under which values have one text, whatever the server's are.
    pub(crate) const VALUE_SETTINGS: [(&'static str, &'static str); 6] = [
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("bytea_output", "hex"),
        ("extra_float_digits", "3"),
        ("standard_conforming_strings", "on"),
    ];

    /// The error of a connection that could not be made: names host, user and
    /// database, and what to do; never the password (invariant 8).
    pub(crate) fn explain(&self, fault: Fault) -> ConnectError {
        let Self { host, port, user, database, .. } = self;
        let (kind, advice) = match fault.code() {
            Some("28P01") => {
                (ErrorKind::BadConfig, "check database.user and database.password".to_owned())
            }
            Some("28000") => (
                ErrorKind::BadConfig,
                format!(
                    "allow user {user} in pg_hba.conf (also for replication), or check \
                         database.user and database.sslmode"
                ),
            ),
            Some("3D000") => (ErrorKind::BadConfig, "check database.dbname".to_owned()),
            Some("42501") => (
                ErrorKind::BadConfig,
                format!("grant the right: ALTER ROLE {user} REPLICATION LOGIN"),
            ),
            Some("53300") => (
                ErrorKind::Retriable,
                "raise max_connections or max_wal_senders, or end other sessions".to_owned(),
            ),
            _ => (
                ErrorKind::Retriable,
                "check database.hostname, database.port, database.sslmode and that the server runs"
                    .to_owned(),
            ),
        };
        ConnectError::new(
            kind,
            format!(
                "cannot connect to Postgres at {host}:{port}, database {database}, as {user}: \
                 {fault}; {advice}"
            ),
        )
    }

    /// A session for SQL.
    pub(crate) async fn sql(&self) -> Result<Sql, ConnectError> {
        let mut config = tokio_postgres::Config::new();
        let options: Vec<String> = Self::VALUE_SETTINGS
            .iter()
            .map(|(name, value)| format!("-c {name}={}", value.replace(' ', "\\ ")))
            .collect();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .password(self.password.expose())
            .dbname(&self.database)
            .application_name("Thalweg")
            .options(options.join(" "))
            .keepalives(self.keepalive)
            .connect_timeout(Duration::from_secs(10))
            .ssl_mode(match (self.ssl_mode, &self.tls) {
                (_, None) => tokio_postgres::config::SslMode::Disable,
                (SslMode::Prefer, _) => tokio_postgres::config::SslMode::Prefer,
                _ => tokio_postgres::config::SslMode::Require,
            });
        let opened = tokio::time::timeout(Duration::from_secs(30), async {
            match &self.tls {
                None => {
                    let (client, connection) = config.connect(NoTls).await?;
                    Ok(Sql::new(client, tokio::spawn(async { drop(connection.await) })))
                }
                Some(tls) => {
                    let tls = MakeRustlsConnect::new(ClientConfig::clone(tls));
                    let (client, connection) = config.connect(tls).await?;
                    Ok(Sql::new(client, tokio::spawn(async { drop(connection.await) })))
                }
            }
        });
        match opened.await {
            Ok(Ok(sql)) => Ok(sql),
            Ok(Err(error)) => Err(self.explain(fault_of(&error))),
            Err(_) => Err(self.explain(Fault::protocol("no answer to the sign-in in 30 s"))),
        }
    }
}

/// A session for SQL. Its connection is driven by a task that ends with it.
pub(crate) struct Sql {
    client: Client,
    driver: JoinHandle<()>,
}

impl Sql {
    fn new(client: Client, driver: JoinHandle<()>) -> Self {
        Self { client, driver }
    }

    /// The session.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Sql {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What `tokio-postgres` says, without what the server was asked.
pub(crate) fn fault_of(error: &tokio_postgres::Error) -> Fault {
    if let Some(said) = error.as_db_error() {
        return Fault::Server(ServerError::from(said));
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    Fault::Io(std::io::Error::other(text))
}

/// The connector's error for a failed statement.
pub(crate) fn failed(error: &tokio_postgres::Error, doing: &str) -> ConnectError {
    fault_of(error).during(doing)
}
