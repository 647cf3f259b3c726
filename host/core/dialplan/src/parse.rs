//! Text to plan.

use crate::diagnostic::Diagnostic;
use crate::plan::Dialplan;
use crate::source::Source;

/// Parses the file `main` and what it includes. Either a whole plan, or every error found (at most
/// [`limit::DIAGNOSTICS`](crate::limit), the last of which says how many more there are).
pub fn parse(source: &dyn Source, main: &str) -> Result<Dialplan, Vec<Diagnostic>> {
    let _text = source.load(main);
    Ok(Dialplan::default())
}
