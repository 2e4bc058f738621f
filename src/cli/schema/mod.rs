//! `thalweg schema`: what would be said of a schema, before it is there.

mod check;
mod preview;

/// What to do with schemas.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Schema {
    /// Ask whether a schema could be the next version of a subject, and if not why, and
    /// what to do about it. Nothing is registered. The exit code is 1 if it could not.
    Check(check::Arguments),
    /// Tell what statements would do to the rows of a source: to their schemas, to what
    /// the registry's levels say of those, and to which sinks. Nothing is run on the
    /// tables. The exit code is 1 if rows would not go on by themselves, and 3 if they
    /// would, but readers lose something: a column, the key, the topic.
    Preview(preview::Arguments),
}

/// Does it.
pub(crate) fn run(command: &Schema) -> anyhow::Result<()> {
    match command {
        Schema::Check(arguments) => check::run(arguments),
        Schema::Preview(arguments) => preview::run(arguments),
    }
}
