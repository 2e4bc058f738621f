//! The object-safe face of connectors, for the runtime.

use std::sync::Arc;

use super::{
    About, Assigned, Checked, Claim, Committer, DdlPreview, Offsets, ReadAs, SinkBatch,
    SinkConnector, SinkContext, SinkPartition, SinkTask, SourceConnector, SourceContext,
    SourceTask, StartOffsets, WriteReport,
};
use crate::batch::SourceBatch;
use crate::config::{ConfigMap, Declare, Problem};
use crate::{BoxFuture, ConnectError, JsonMap, Position};

/// A source task and what tells its upstream how far is durable.
pub type OpenedSource = (Box<dyn DynSourceTask>, Arc<dyn Committer>);

/// A sink task and where it wants to start.
pub type OpenedSink = (Box<dyn DynSinkTask>, StartOffsets);

/// A kind of source, as the runtime holds it. Configs are whole: keys that are
/// not the connector's are declared by the runtime around it.
pub trait DynSource: Send + Sync {
    /// Who it is.
    fn about(&self) -> About;
    /// Names every key once.
    fn declare(&self, keys: &mut Declare<'_>);
    /// Problems between keys of a config that has none by itself.
    fn validate(&self, config: &ConfigMap) -> Vec<Problem>;
    /// The partition that positions are kept under.
    fn partition(&self, config: &ConfigMap) -> JsonMap;
    /// See [`SourceConnector::validate_position`].
    fn validate_position(&self, position: &Position) -> Result<(), String>;
    /// See [`SourceConnector::claims`].
    fn claims(&self, config: &ConfigMap) -> Vec<Claim>;
    /// Looks at the outside world.
    fn check<'a>(&'a self, config: &'a ConfigMap) -> BoxFuture<'a, Checked>;
    /// See [`SourceConnector::preview_ddl`].
    fn preview_ddl<'a>(
        &'a self,
        config: &'a ConfigMap,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<DdlPreview, ConnectError>>;
    /// Opens a task.
    fn open<'a>(
        &'a self,
        config: &'a ConfigMap,
        context: SourceContext,
    ) -> BoxFuture<'a, Result<OpenedSource, ConnectError>>;
}

/// A source task, as the runtime holds it.
pub trait DynSourceTask: Send {
    /// See [`SourceTask::poll`].
    fn poll(&mut self) -> BoxFuture<'_, Result<SourceBatch, ConnectError>>;
    /// See [`SourceTask::close`].
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A kind of sink, as the runtime holds it.
pub trait DynSink: Send + Sync {
    /// Who it is.
    fn about(&self) -> About;
    /// Names every key once.
    fn declare(&self, keys: &mut Declare<'_>);
    /// Problems between keys of a config that has none by itself.
    fn validate(&self, config: &ConfigMap) -> Vec<Problem>;
    /// See [`SinkConnector::read_as`].
    fn read_as(&self, config: &ConfigMap) -> ReadAs;
    /// Looks at the outside world.
    fn check<'a>(&'a self, config: &'a ConfigMap) -> BoxFuture<'a, Checked>;
    /// Opens a task.
    fn open<'a>(
        &'a self,
        config: &'a ConfigMap,
        context: SinkContext,
        assigned: Vec<Assigned>,
    ) -> BoxFuture<'a, Result<OpenedSink, ConnectError>>;
}

/// A sink task, as the runtime holds it.
pub trait DynSinkTask: Send {
    /// See [`SinkTask::write`].
    fn write<'a>(
        &'a mut self,
        batch: &'a SinkBatch,
    ) -> BoxFuture<'a, Result<WriteReport, ConnectError>>;
    /// See [`SinkTask::flush`].
    fn flush(&mut self) -> BoxFuture<'_, Result<Offsets, ConnectError>>;
    /// See [`SinkTask::committed`].
    fn committed(&mut self, offsets: &Offsets);
    /// See [`SinkTask::revoke`].
    fn revoke<'a>(
        &'a mut self,
        partitions: &'a [SinkPartition],
    ) -> BoxFuture<'a, Result<(), ConnectError>>;
    /// See [`SinkTask::close`].
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Adapts a source.
pub fn source<C: SourceConnector>(connector: C) -> Arc<dyn DynSource> {
    Arc::new(Adapter(connector))
}

/// Adapts a sink.
pub fn sink<C: SinkConnector>(connector: C) -> Arc<dyn DynSink> {
    Arc::new(Adapter(connector))
}

struct Adapter<C>(C);

/// A config that was validated before; problems now mean that it was not.
fn whole(keys: Declare<'_>) -> Result<(), ConnectError> {
    match keys.finish().problems.first() {
        None => Ok(()),
        Some(problem) => Err(ConnectError::bad_config(problem.to_string())),
    }
}

impl<C: SourceConnector> DynSource for Adapter<C> {
    fn about(&self) -> About {
        self.0.about()
    }

    fn declare(&self, keys: &mut Declare<'_>) {
        self.0.declare(keys);
    }

    fn validate(&self, config: &ConfigMap) -> Vec<Problem> {
        self.0.validate(&self.0.declare(&mut Declare::read(config)))
    }

    fn partition(&self, config: &ConfigMap) -> JsonMap {
        self.0.partition(&self.0.declare(&mut Declare::read(config)))
    }

    fn validate_position(&self, position: &Position) -> Result<(), String> {
        self.0.validate_position(position)
    }

    fn claims(&self, config: &ConfigMap) -> Vec<Claim> {
        self.0.claims(&self.0.declare(&mut Declare::read(config)))
    }

    fn check<'a>(&'a self, config: &'a ConfigMap) -> BoxFuture<'a, Checked> {
        Box::pin(async move {
            let config = self.0.declare(&mut Declare::read(config));
            self.0.check(&config).await
        })
    }

    fn preview_ddl<'a>(
        &'a self,
        config: &'a ConfigMap,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<DdlPreview, ConnectError>> {
        Box::pin(async move {
            let config = read(config, |keys| self.0.declare(keys))?;
            self.0.preview_ddl(&config, sql).await
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigMap,
        context: SourceContext,
    ) -> BoxFuture<'a, Result<OpenedSource, ConnectError>> {
        Box::pin(async move {
            let config = read(config, |keys| self.0.declare(keys))?;
            let (task, committer) = self.0.open(Arc::new(config), context).await?;
            let task: Box<dyn DynSourceTask> = Box::new(Adapter(task));
            let committer: Arc<dyn Committer> = Arc::new(committer);
            Ok((task, committer))
        })
    }
}

impl<T: SourceTask> DynSourceTask for Adapter<T> {
    fn poll(&mut self) -> BoxFuture<'_, Result<SourceBatch, ConnectError>> {
        Box::pin(self.0.poll())
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.0.close())
    }
}

impl<C: SinkConnector> DynSink for Adapter<C> {
    fn about(&self) -> About {
        self.0.about()
    }

    fn declare(&self, keys: &mut Declare<'_>) {
        self.0.declare(keys);
    }

    fn validate(&self, config: &ConfigMap) -> Vec<Problem> {
        self.0.validate(&self.0.declare(&mut Declare::read(config)))
    }

    fn read_as(&self, config: &ConfigMap) -> ReadAs {
        self.0.read_as(&self.0.declare(&mut Declare::read(config)))
    }

    fn check<'a>(&'a self, config: &'a ConfigMap) -> BoxFuture<'a, Checked> {
        Box::pin(async move {
            let config = self.0.declare(&mut Declare::read(config));
            self.0.check(&config).await
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigMap,
        context: SinkContext,
        assigned: Vec<Assigned>,
    ) -> BoxFuture<'a, Result<OpenedSink, ConnectError>> {
        Box::pin(async move {
            let config = read(config, |keys| self.0.declare(keys))?;
            let (task, start) = self.0.open(Arc::new(config), context, assigned).await?;
            let task: Box<dyn DynSinkTask> = Box::new(Adapter(task));
            Ok((task, start))
        })
    }
}

impl<T: SinkTask> DynSinkTask for Adapter<T> {
    fn write<'a>(
        &'a mut self,
        batch: &'a SinkBatch,
    ) -> BoxFuture<'a, Result<WriteReport, ConnectError>> {
        Box::pin(self.0.write(batch))
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<Offsets, ConnectError>> {
        Box::pin(self.0.flush())
    }

    fn committed(&mut self, offsets: &Offsets) {
        self.0.committed(offsets);
    }

    fn revoke<'a>(
        &'a mut self,
        partitions: &'a [SinkPartition],
    ) -> BoxFuture<'a, Result<(), ConnectError>> {
        Box::pin(self.0.revoke(partitions))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.0.close())
    }
}

/// Reads a config that was validated before. The runtime's own keys are known
/// to it alone, so only problems of the declared keys count here.
fn read<T>(
    config: &ConfigMap,
    declare: impl FnOnce(&mut Declare<'_>) -> T,
) -> Result<T, ConnectError> {
    let mut keys = Declare::read(config);
    keys.accept_prefix("");
    let value = declare(&mut keys);
    whole(keys)?;
    Ok(value)
}
