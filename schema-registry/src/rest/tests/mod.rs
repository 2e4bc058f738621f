//! Over real HTTP on a bound port: with curl, as a user would, and byte by byte where a
//! request is broken.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use serde_json::{Value, json};
use thalweg_log::{Log, MemoryLog};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::*;

mod bad_input;
mod basics;
mod contexts;
mod modes;
mod registration;
mod settings;

const V1: &str = "application/vnd.schemaregistry.v1+json";

struct Server {
    at: SocketAddr,
    serving: JoinHandle<()>,
    log: Arc<dyn Log>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Reply {
    status: u16,
    kind: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    fn error(&self) -> (u16, u64, String) {
        let json = self.json();
        let message = json["message"].as_str().unwrap().to_owned();
        (self.status, json["error_code"].as_u64().unwrap(), message)
    }
}

impl Server {
    async fn start() -> Self {
        Self::on(Arc::new(MemoryLog::new())).await
    }

    async fn on(log: Arc<dyn Log>) -> Self {
        let registry = Registry::open(Arc::clone(&log)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let app = router(Arc::new(registry));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { at, serving, log }
    }

    async fn curl(&self, path: &str, more: &[&str]) -> Reply {
        let answer = Command::new("curl")
            .args(["-s", "-m", "20", "-w", "\n%{http_code} %{content_type}"])
            .args(more)
            .arg(format!("http://{}{path}", self.at))
            .output()
            .await
            .unwrap();
        assert!(answer.status.success(), "{answer:?}");
        let text = String::from_utf8(answer.stdout).unwrap();
        let (body, end) = text.rsplit_once('\n').unwrap();
        let (status, kind) = end.split_once(' ').unwrap();
        Reply { status: status.parse().unwrap(), kind: kind.to_owned(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> Reply {
        self.curl(path, &[]).await
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        let kind = format!("Content-Type: {V1}");
        let body = body.to_string();
        self.curl(path, &["-X", method, "-H", &kind, "--data-binary", &body]).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, body).await
    }

    async fn register(&self, subject: &str, schema: &str) -> Reply {
        let path = format!("/subjects/{subject}/versions");
        self.post(&path, &json!({ "schema": schema })).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send("PUT", path, body).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.curl(path, &["-X", "DELETE"]).await
    }

    /// Sends bytes as they are, and all that comes back until the server hangs up.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"order_id","type":"string"},{"name":"amount","type":"double"}]}"#;
