//! Connecting and signing in.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use thalweg_core::ConnectError;

use super::socket::Socket;
use super::{Fault, Wire};
use crate::postgres::client::Server;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// SQL and COPY.
    Sql,
    /// The replication stream.
    Replication,
}

/// A signed-in connection. Texts of values come in one form, whatever the
/// server's or user's own settings are.
pub(crate) async fn connect(server: &Server, purpose: Purpose) -> Result<Wire, ConnectError> {
    match tokio::time::timeout(Duration::from_secs(30), sign_in(server, purpose)).await {
        Ok(Ok(wire)) => Ok(wire),
        Ok(Err(fault)) => Err(server.explain(fault)),
        Err(_) => Err(server.explain(Fault::protocol("no answer to the sign-in in 30 s"))),
    }
}

async fn sign_in(server: &Server, purpose: Purpose) -> Result<Wire, Fault> {
    let mut wire = Wire::new(Socket::connect(server, purpose).await?);
    let mut parameters = vec![
        ("user", server.user.as_str()),
        ("database", server.database.as_str()),
        ("application_name", "Thalweg"),
        ("client_encoding", "UTF8"),
    ];
    parameters.extend(Server::VALUE_SETTINGS);
    if purpose == Purpose::Replication {
        parameters.push(("replication", "database"));
    }
    frontend::startup_message(parameters, wire.output())?;
    authenticate(server, &mut wire).await?;
    loop {
        let tag = wire.frame().await?.tag;
        wire.consume_frame()?;
        match tag {
            b'K' => {}
            b'Z' => return Ok(wire),
            other => return Err(unexpected(other, "the sign-in")),
        }
    }
}

async fn authenticate(server: &Server, wire: &mut Wire) -> Result<(), Fault> {
    let password = server.password.expose().as_bytes();
    let mut scram: Option<ScramSha256> = None;
    loop {
        let frame = wire.frame().await?;
        if frame.tag != b'R' {
            return Err(unexpected(frame.tag, "the sign-in"));
        }
        let (code, data) = frame
            .body
            .split_first_chunk::<4>()
            .map(|(code, data)| (u32::from_be_bytes(*code), data.to_vec()))
            .ok_or_else(|| Fault::protocol("a short authentication request"))?;
        wire.consume_frame()?;
        match (code, &mut scram) {
            (0, _) => return Ok(()),
            (3, _) => frontend::password_message(password, wire.output())?,
            (5, _) => {
                let salt = data
                    .first_chunk::<4>()
                    .ok_or_else(|| Fault::protocol("an md5 request without salt"))?;
                let hash = md5_hash(server.user.as_bytes(), password, *salt);
                frontend::password_message(hash.as_bytes(), wire.output())?;
            }
            (10, None) => scram = Some(begin_scram(password, &data, wire.output())?),
            (11, Some(scram)) => {
                scram.update(&data)?;
                frontend::sasl_response(scram.message(), wire.output())?;
            }
            (12, Some(scram)) => scram.finish(&data)?,
            (code, _) => {
                return Err(Fault::protocol(format!(
                    "authentication method {code}: use scram-sha-256, md5 or password for this \
                     user in pg_hba.conf"
                )));
            }
        }
    }
}

/// Starts SCRAM. Binding to the TLS channel is not offered, so only the method
/// without it is taken.
fn begin_scram(
    password: &[u8],
    mechanisms: &[u8],
    output: &mut BytesMut,
) -> Result<ScramSha256, Fault> {
    if !mechanisms.split(|&byte| byte == 0).any(|name| name == SCRAM_SHA_256.as_bytes()) {
        return Err(Fault::protocol("the server offers no SCRAM-SHA-256 without channel binding"));
    }
    let scram = ScramSha256::new(password, ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), output)?;
    Ok(scram)
}

/// A message that has no place here.
pub(super) fn unexpected(tag: u8, place: &str) -> Fault {
    Fault::protocol(format!("message {:?} during {place}", char::from(tag)))
}
