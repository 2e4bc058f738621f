//! One connection: a half that reads requests and one that answers them, in
//! order, in one task.

mod answers;
pub(crate) mod frame;

use std::net::SocketAddr;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::apis::{Handler, Run, produce};
use crate::call::{Call, Unanswerable};
use crate::server::Server;
use crate::wire::Malformed;
use answers::Answers;
use frame::{Broken, Frames, Patience};

/// Requests of one connection that wait for their answers.
const CALLS_MAX: usize = 32;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Unanswerable(#[from] Unanswerable),
    #[error("{0} of {1} was refused, and it waits for no answer: {2}")]
    Silent(&'static str, String, String),
    #[error("it takes no answer for {0:?}")]
    Deaf(std::time::Duration),
    #[error("it can't be written to: {0}")]
    Write(std::io::Error),
}

impl From<Malformed> for End {
    fn from(error: Malformed) -> Self {
        Self::Unanswerable(error.into())
    }
}

/// A request on its way to its answer.
enum Step {
    /// Its batches are with the log.
    Produced(Call, produce::Staged),
    /// It is run when all before it are answered. The reader may wait for it.
    Run(Call, Handler, Option<oneshot::Sender<()>>),
}

/// Serves a connection until it ends, with one line in the log if it ends badly.
pub(crate) async fn serve(
    server: &Server,
    mut stream: TcpStream,
    peer: SocketAddr,
    patience: Patience,
) {
    let Ok(local) = stream.local_addr() else { return };
    // Small answers are not to wait for each other.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let leaving = server.closing.child_token();
    let (sender, receiver) = mpsc::channel(CALLS_MAX);
    let (read_half, write_half) = stream.split();
    let frames = Frames::new(read_half, &server.requests, patience);
    let mut reading = Box::pin(read(server, frames, sender, local, leaving));
    let answers = Answers { server, stream: write_half, patience: patience.answer };
    let mut answering = Box::pin(answers.run(receiver));
    let mut end = None;
    let written = loop {
        tokio::select! {
            read = &mut reading, if end.is_none() => end = Some(read),
            written = &mut answering => break written,
        }
    };
    let outcome = written.and(end.unwrap_or(Ok(())));
    match outcome {
        Ok(()) | Err(End::Broken(Broken::Done)) => {}
        Err(End::Broken(Broken::Io(error)) | End::Write(error)) => {
            tracing::debug!(%peer, "a Kafka connection ended: {error}");
        }
        Err(end) => tracing::warn!(%peer, "closing a Kafka connection: {end}"),
    }
}

/// Reads requests until the client is done or the server closes. What they ask
/// of each other's order is kept: only a Fetch may wait while later requests are
/// read, and a Produce has its place in the log before the next request is.
async fn read<R: tokio::io::AsyncRead + Unpin>(
    server: &Server,
    mut frames: Frames<'_, R>,
    calls: mpsc::Sender<Step>,
    local: SocketAddr,
    leaving: CancellationToken,
) -> Result<(), End> {
    // When nobody reads requests any more nobody waits for records either.
    let _guard = leaving.clone().drop_guard();
    loop {
        let frame = tokio::select! {
            frame = frames.next() => frame?,
            () = server.closing.cancelled() => return Ok(()),
        };
        let mut call = Call::read(&frame.bytes, local, leaving.clone())?;
        call.permit = frame.permit;
        drop(frame.bytes);
        let (step, done) = match call.api.run {
            Run::Staged => {
                let staged = produce::stage(server, &mut call).await?;
                (Step::Produced(call, staged), None)
            }
            Run::Waits(handler) => (Step::Run(call, handler, None), None),
            Run::Alone(handler) => {
                let (sender, done) = oneshot::channel();
                (Step::Run(call, handler, Some(sender)), Some(done))
            }
        };
        if calls.send(step).await.is_err() {
            return Ok(());
        }
        if let Some(done) = done
            && done.await.is_err()
        {
            return Ok(());
        }
    }
}
