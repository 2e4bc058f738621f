//! Placeholder.
use crate::measure::Report;
use anyhow::Result;
pub(crate) fn run(_: &mut Report) -> Result<()> {
    Ok(())
}
