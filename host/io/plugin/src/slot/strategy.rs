//! A strategy: a reused instance that chooses for other plugins, bounded by fuel.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::reused::{Answer, Exports, Migrating, Reused};
use crate::abi::v0_1::Candidate;
use crate::error::GuestError;
use crate::generation::Generation;
use crate::instance::Run;
use crate::loader::World;

/// A strategy of the version that is active now.
pub(crate) struct StrategySlot {
    pub(crate) name: Arc<str>,
    pub(crate) generation: Arc<Generation>,
}

impl fmt::Debug for StrategySlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {:?}", self.name, self.generation)
    }
}

impl StrategySlot {
    /// The names of those it takes, each a candidate's.
    pub(crate) async fn choose(
        self,
        question: Vec<(String, String)>,
        candidates: Vec<Candidate>,
    ) -> Answer<Vec<String>> {
        let Self { name, generation } = self;
        let (asked, chooser) = (name.clone(), generation.clone());
        let guest = async move { choose(&chooser, &asked, question, candidates).await };
        Migrating::elsewhere(generation, name, guest).await
    }
}

async fn choose(
    generation: &Arc<Generation>,
    name: &Arc<str>,
    question: Vec<(String, String)>,
    candidates: Vec<Candidate>,
) -> Answer<Vec<String>> {
    let _live = generation.enter()?;
    let run = Run::Strategy { name: name.clone() };
    let mut instance = Reused::take(generation, World::Strategy, run).await?;
    let store = &mut instance.store;
    let Exports::Strategies(bindings) = &instance.exports else { unreachable!("it was taken for its strategies") };
    let answer = bindings.jackfield_pbx_strategies().call_choose(&mut *store, name, &question, &candidates).await;
    let answer = answer.map_err(|error| store.data().explain(&generation.limits, &error))?;
    instance.give_back(generation);
    Ok(match answer {
        Ok(chosen) => chosen_are_there(&chosen, &candidates).map(|()| chosen),
        Err(own) => Err(GuestError { code: own.code, detail: own.detail }),
    })
}

/// Whoever asked may rely on it: nobody is named who is no candidate, and nobody twice.
fn chosen_are_there(chosen: &[String], candidates: &[Candidate]) -> Result<(), GuestError> {
    let mut left: HashSet<&str> = candidates.iter().map(|candidate| candidate.name.as_str()).collect();
    match chosen.iter().find(|name| !left.remove(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let shown: String = name.chars().take(64).collect();
            Err(GuestError {
                code: "invalid".into(),
                detail: format!("it chose {shown:?}, who is no candidate or was chosen before"),
            })
        }
    }
}
