"""Recording what a party says. Capability `recording`."""

from typing import Optional, Tuple

from wit_world.imports import recording as _recording

from . import Leg, checked, milliseconds, options


def record(
    leg: Leg,
    name: str,
    max_seconds: float = 60.0,
    terminators: Optional[str] = None,
    silence: Optional[float] = None,
    beep: bool = True,
) -> Tuple[str, float]:
    """Records until a terminator, `silence` seconds of silence, a hang-up or `max_seconds`; durable when it returns.

    Returns the blob's name (play it as `blob:NAME`) and its length in seconds.
    """
    quiet = None if silence is None else milliseconds(silence)
    given = options(terminators=terminators, silence_ms=quiet, beep=None if beep else "no")
    blob, length = checked(_recording.record, leg.raw, name, milliseconds(max_seconds), given)
    return blob, length / 1000
