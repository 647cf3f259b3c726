//! Speaking the English prompts with espeak-ng. The results are in the tree; this is how to make them again.

use crate::command::Failure;
use crate::packages;
use crate::workspace::Workspace;

pub(crate) fn speak(_workspace: &Workspace) -> Result<(), Failure> {
    packages::install(packages::SPEECH)
}
