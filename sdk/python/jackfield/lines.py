"""Legs of another network, for a channel driver: the plugin's `@service` class, which hears of them by `line.` events. Capability `lines`."""

from typing import Any, Optional

from wit_world.imports import lines as _lines

from . import checked


class Line:
    """One party on the driver's network. Forgetting it does nothing to the line."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    @property
    def id(self) -> str:
        """What events name it by."""
        return self.raw.id()

    def ring(self) -> None:
        """The dialled party rings."""
        checked(self.raw.ring)

    def progress(self, description: str) -> None:
        """The dialled party is heard before it answers."""
        checked(self.raw.progress, description)

    def answer(self, description: str) -> None:
        """The dialled party answers; `description` answers the SDP offer."""
        checked(self.raw.answer, description)

    def hang_up(self, cause: int = 16) -> None:
        """The line is over, for a Q.850 cause."""
        self.raw.hang_up(cause)


def offer(to: str, description: str, number: str = "", name: str = "", because: Optional[str] = None) -> Line:
    """A party of the driver's network calls `to`; `description` is its SDP offer, `because` the id of a line for whose sake it calls."""
    given = [("caller.number", number), ("caller.name", name), ("because", because or "")]
    return Line(checked(_lines.offer, to, description, [(key, value) for key, value in given if value]))


def find(id: str) -> Optional[Line]:
    """A line that is up, by what events name it by."""
    raw = _lines.find(id)
    return None if raw is None else Line(raw)
