"""Recording what a party says. Capability `recording`."""

from dataclasses import dataclass
from typing import Optional

from wit_world.imports import recording as _recording

from . import Leg, checked, milliseconds, options


@dataclass
class Recorded:
    """A finished recording: play it as `blob:NAME`. `ended` is `digit`, `silence`, `limit` or `gone`; more may come."""

    blob: str
    seconds: float
    ended: str
    digit: Optional[str]


def record(
    leg: Leg,
    name: str,
    max_seconds: float = 60.0,
    terminators: Optional[str] = None,
    silence: Optional[float] = None,
    beep: bool = True,
) -> Recorded:
    """Records until a terminator, `silence` seconds of silence, a hang-up or `max_seconds`; durable when it returns."""
    quiet = None if silence is None else milliseconds(silence)
    given = options(terminators=terminators, silence_ms=quiet, beep=None if beep else "no")
    told = dict(checked(_recording.record, leg.raw, name, milliseconds(max_seconds), given))
    return Recorded(told.get("blob", name), int(told.get("length-ms", 0)) / 1000, told.get("ended", ""), told.get("digit"))
