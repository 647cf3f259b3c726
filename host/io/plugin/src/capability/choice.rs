//! `choice`: what the strategies of other plugins choose.

use std::collections::HashSet;

use super::{OPTION_NAME_BYTES, OPTION_VALUE_BYTES, OPTIONS, at_most, error, invalid, limit};
use crate::abi::v0_1::app::jackfield::pbx::choice::Host;
use crate::abi::v0_1::{Candidate, Error};
use crate::error::RunError;
use crate::instance::{Run, State};
use crate::limit::{CANDIDATE_NAME_BYTES, CANDIDATES, CHOICE_BYTES};
use crate::slot::StrategySlot;

impl Host for State {
    async fn choose(
        &mut self,
        strategy: String,
        question: Vec<(String, String)>,
        candidates: Vec<Candidate>,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        self.enter()?;
        if !matches!(self.run, Run::App { .. } | Run::Service) {
            return Ok(Err(error("denied", "only an application or a service may do this")));
        }
        let fits =
            at_most(&strategy, OPTION_NAME_BYTES, "a strategy's name").and_then(|()| fits(&question, &candidates));
        let bytes = match fits {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Err(error)),
        };
        let slot = self.generation.as_ref().and_then(|generation| generation.strategy(&strategy));
        let answer = match self.run.tape().cloned() {
            Some(tape) => {
                let shown: Vec<_> = candidates.iter().map(|one| (&one.name, &one.facts)).collect();
                let asked = format!("choose {strategy:?} {question:?} {shown:?}");
                tape.cross(asked, || Box::pin(choose(slot, strategy, question, candidates))).await
            }
            None => choose(slot, strategy, question, candidates).await,
        };
        self.resumed();
        self.moved(bytes + answer.as_ref().map_or(0, |chosen| chosen.iter().map(String::len).sum()));
        Ok(answer.map_err(|(code, detail)| error(&code, detail)))
    }
}

/// Those that were chosen, or code and detail of why there are none.
async fn choose(
    slot: Option<StrategySlot>,
    name: String,
    question: Vec<(String, String)>,
    candidates: Vec<Candidate>,
) -> Result<Vec<String>, (String, String)> {
    let Some(slot) = slot else { return Err(("invalid".into(), format!("no plugin has the strategy {name:?}"))) };
    match slot.choose(question, candidates).await {
        Ok(answer) => answer.map_err(|own| (own.code, own.detail)),
        Err(RunError::Exhausted(detail)) => Err(("busy".into(), detail)),
        Err(other) => Err(("failed".into(), other.to_string())),
    }
}

/// The bytes of a choice that keeps its bounds.
fn fits(question: &[(String, String)], candidates: &[Candidate]) -> Result<usize, Error> {
    if candidates.len() > CANDIDATES {
        return Err(limit(format!("{} candidates: at most {CANDIDATES}", candidates.len())));
    }
    let mut names = HashSet::new();
    let mut bytes = facts_fit(question)?;
    for Candidate { name, facts } in candidates {
        if name.is_empty() || name.len() > CANDIDATE_NAME_BYTES || !names.insert(name) {
            let shown: String = name.chars().take(CANDIDATE_NAME_BYTES).collect();
            let rule = format!("1 to {CANDIDATE_NAME_BYTES} bytes, each once");
            return Err(invalid(format!("a candidate's name is {shown:?}: {rule}")));
        }
        bytes += name.len() + facts_fit(facts)?;
    }
    if bytes > CHOICE_BYTES {
        return Err(limit(format!("{bytes} bytes to choose from: at most {CHOICE_BYTES}")));
    }
    Ok(bytes)
}

fn facts_fit(facts: &[(String, String)]) -> Result<usize, Error> {
    if facts.len() > OPTIONS {
        return Err(limit(format!("{} facts: at most {OPTIONS}", facts.len())));
    }
    for (name, value) in facts {
        at_most(name, OPTION_NAME_BYTES, "a fact's name")?;
        at_most(value, OPTION_VALUE_BYTES, "a fact")?;
    }
    Ok(facts.iter().map(|(name, value)| name.len() + value.len()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, facts: usize, value: usize) -> Candidate {
        let fact = |at| (format!("fact-{at}"), "x".repeat(value));
        Candidate { name: name.into(), facts: (0..facts).map(fact).collect() }
    }

    fn code(question: &[(String, String)], candidates: &[Candidate]) -> String {
        fits(question, candidates).map_or_else(|error| error.code, |_| "fits".into())
    }

    #[test]
    fn a_choice_has_bounds() {
        let many = |count: usize| (0..count).map(|at| candidate(&at.to_string(), 0, 0)).collect::<Vec<_>>();
        assert_eq!(code(&[], &many(CANDIDATES)), "fits");
        assert_eq!(code(&[], &many(CANDIDATES + 1)), "limit");
        assert_eq!(code(&[], &[]), "fits");
        for (name, verdict) in [("", "invalid"), (&*"x".repeat(128), "fits"), (&*"x".repeat(129), "invalid")] {
            assert_eq!(code(&[], &[candidate(name, 0, 0)]), verdict, "{name}");
        }
        assert_eq!(code(&[], &[candidate("101", 0, 0), candidate("101", 0, 0)]), "invalid");
        assert_eq!(code(&[], &[candidate("101", OPTIONS, 1)]), "fits");
        assert_eq!(code(&[], &[candidate("101", OPTIONS + 1, 1)]), "limit");
        assert_eq!(code(&candidate("", OPTIONS + 1, 1).facts, &[]), "limit");
        assert_eq!(code(&[], &[candidate("101", 1, OPTION_VALUE_BYTES)]), "fits");
        assert_eq!(code(&[], &[candidate("101", 1, OPTION_VALUE_BYTES + 1)]), "limit");
        let together = (0..17).map(|at| candidate(&at.to_string(), 1, OPTION_VALUE_BYTES)).collect::<Vec<_>>();
        assert_eq!(code(&[], &together[..15]), "fits");
        assert_eq!(code(&[], &together), "limit");
    }
}
