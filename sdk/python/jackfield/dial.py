"""Outgoing legs. Capability `dial`: it can cost money."""

from dataclasses import dataclass
from typing import Iterable, Optional, Union

from wit_world.imports import dial as _dial

from . import Leg, checked, milliseconds, options


@dataclass
class Dialed:
    """What became of a dial: `status` is `ANSWER`, `BUSY`, `NOANSWER`, `CANCEL`, `CONGESTION` or `CHANUNAVAIL`."""

    status: str
    cause: int
    answered_ms: int
    dialed_ms: int

    @property
    def answered(self) -> bool:
        """Whether somebody answered."""
        return self.status == "ANSWER"


def call(
    leg: Leg,
    targets: Union[str, Iterable[str]],
    timeout: float = 30.0,
    ringback: Optional[str] = None,
    limit_ms: Optional[int] = None,
) -> Dialed:
    """Dials, joins the leg with the first that answers, and returns when that conversation is over."""
    targets = [targets] if isinstance(targets, str) else list(targets)
    given = options(ringback=ringback, limit_ms=limit_ms)
    result = dict(checked(_dial.call, leg.raw, targets, milliseconds(timeout), given))
    number = lambda name: int(result.get(name, 0))
    return Dialed(result.get("status", ""), number("cause"), number("answered-ms"), number("dialed-ms"))
