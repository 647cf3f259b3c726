"""Choices that are another plugin's: who rings next, which trunk carries a call. Capability `choice`; `@strategy` is the other side."""

from typing import Dict, Iterable, List, Optional

from wit_world.imports import choice as _choice, types as _types

from . import Candidate, checked

__all__ = ["Candidate", "choose"]


def choose(strategy: str, candidates: Iterable[Candidate], question: Optional[Dict[str, object]] = None) -> List[str]:
    """The names of those candidates that the tenant's strategy of that name takes, the best first.

    A strategy that no plugin has raises `Error` with the code `invalid`: have something to do then.
    """
    facts = [(name, str(value)) for name, value in (question or {}).items()]
    given = [
        _types.Candidate(candidate.name, [(name, str(value)) for name, value in candidate.facts.items()])
        for candidate in candidates
    ]
    return checked(_choice.choose, strategy, facts, given)
