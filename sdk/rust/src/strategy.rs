//! Choices that are another plugin's: who rings next, which trunk carries a call. Capability `choice` to have one made; [`strategies!`](crate::strategies) to make them.

use crate::Result;
use crate::host::port;

/// Somebody or something to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// What the choice calls it; no two candidates have the same name.
    pub name: String,
    /// What is known of it, as the one who asks and the one who chooses have agreed.
    pub facts: Vec<(String, String)>,
}

impl Candidate {
    /// A candidate of which nothing is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), facts: Vec::new() }
    }

    /// One more fact.
    pub fn with(mut self, fact: &str, value: impl ToString) -> Self {
        self.facts.push((fact.into(), value.to_string()));
        self
    }

    /// A fact; none if nobody told it.
    pub fn fact(&self, name: &str) -> Option<&str> {
        find(&self.facts, name)
    }

    /// A fact that is a number; 0 where nobody told it or it is none.
    pub fn number(&self, name: &str) -> u64 {
        self.fact(name).and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

/// What a strategy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What the choice is about.
    pub question: &'a [(String, String)],
    /// Whom there is.
    pub candidates: &'a [Candidate],
}

impl Choice<'_> {
    /// Something the choice is about; none if nobody told it.
    pub fn about(&self, name: &str) -> Option<&str> {
        find(self.question, name)
    }

    /// The candidate with the smallest key, the first of equals; nobody where there is none.
    pub fn first_by_key<K: Ord>(&self, key: impl FnMut(&&Candidate) -> K) -> Vec<String> {
        self.candidates.iter().min_by_key(key).map(|candidate| candidate.name.clone()).into_iter().collect()
    }
}

/// The names of those candidates that the tenant's strategy of that name takes, the best first.
///
/// # Errors
/// `invalid` if no plugin has the strategy, its own error, or `failed`. Have something to do then: a strategy can be removed while calls are up.
pub fn choose(strategy: &str, question: &[(&str, &str)], candidates: &[Candidate]) -> Result<Vec<String>> {
    port::choose(strategy, &crate::host::options(question), candidates)
}

fn find<'a>(facts: &'a [(String, String)], name: &str) -> Option<&'a str> {
    facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
