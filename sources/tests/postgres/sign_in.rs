//! Signing in, TLS, and servers that go away.

use std::process::Command;
use std::time::{Duration, Instant};

use thalweg_core::ErrorKind;
use thalweg_harness::{Postgres, PostgresOptions};

use crate::Database;
use crate::driver::Driver;

/// A driver on a server of the test's own.
fn driver(server: &Postgres, more: &[(&str, &str)]) -> Driver {
    let database = Database { name: "postgres".to_owned() };
    let mut driver = Driver::new(&database, more);
    driver.config.insert("database.port".into(), server.port().to_string());
    driver
}

async fn reads_and_streams(server: &Postgres, driver: &mut Driver, id: i32) {
    driver.reopen().await;
    server.sql(&format!("INSERT INTO t VALUES ({id})")).unwrap();
    let is_it = |row: &crate::driver::Event| row.at("/after/id") == id;
    while !driver.poll().await.iter().any(is_it) {}
    driver.close().await;
}

#[tokio::test]
async fn passwords_are_hashed_as_the_server_asks_and_never_told() {
    for auth in ["scram-sha-256", "md5"] {
        let settings = vec![("password_encryption".to_owned(), auth.to_owned())];
        let options = PostgresOptions { auth, settings, ..PostgresOptions::default() };
        let server = Postgres::start_with(options).unwrap();
        server.sql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
        reads_and_streams(&server, &mut driver(&server, &[]), 1).await;
        let mut wrong = driver(&server, &[("database.password", "sesame")]);
        let error = wrong.open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig);
        let text = error.to_string();
        for part in ["127.0.0.1", "postgres", "database.password"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("sesame"), "{text}");
    }
}

#[tokio::test]
async fn tls_is_as_the_mode_asks_and_a_restart_is_got_over() {
    let mut server = Postgres::start().unwrap();
    server.sql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
    let error = driver(&server, &[("database.sslmode", "require")]).open().await.unwrap_err();
    assert!(error.to_string().contains("TLS") || error.to_string().contains("tls"), "{error}");

    let certificate = server.data().join("server.crt");
    let key = server.data().join("server.key");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let _ = Command::new("chown").arg("postgres:postgres").arg(&key).arg(&certificate).status();
    server.set("ssl", "on").unwrap();
    let mut plain = driver(&server, &[("database.sslmode", "disable")]);
    reads_and_streams(&server, &mut plain, 1).await;
    // A stream under way when the server restarts: tried again, nothing lost.
    plain.reopen().await;
    let begun = Instant::now();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let restart = std::thread::spawn(move || {
        server.restart().unwrap();
        let _ = sender.send(());
        server
    });
    let error = loop {
        match plain.poll_only().await {
            Ok(batch) => plain.keep(&batch),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Retriable, "{error}");
    receiver.await.unwrap();
    let server = restart.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "the server waited for us");
    reads_and_streams(&server, &mut plain, 2).await;

    let root = certificate.to_string_lossy().into_owned();
    for (mode, host, id) in
        [("prefer", "127.0.0.1", 3), ("require", "127.0.0.1", 4), ("verify-ca", "127.0.0.1", 5)]
    {
        plain.config.insert("database.sslmode".into(), mode.into());
        plain.config.insert("database.hostname".into(), host.into());
        if mode == "verify-ca" {
            plain.config.insert("database.sslrootcert".into(), root.clone());
        }
        reads_and_streams(&server, &mut plain, id).await;
    }
    let users = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                 WHERE ssl AND application_name = 'Thalweg'";
    plain.config.insert("database.sslmode".into(), "verify-full".into());
    let error = plain.open().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    plain.config.insert("database.hostname".into(), "localhost".into());
    plain.reopen().await;
    plain.drain().await;
    assert_ne!(server.sql(users).unwrap(), "0");
}
