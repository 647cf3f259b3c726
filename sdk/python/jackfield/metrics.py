"""Numbers of the plugin's own, for administrators: `jackfield plugin show` has them. Capability `metrics`."""

from wit_world.imports import metrics as _metrics

from . import checked


def add(name: str, by: int = 1) -> None:
    """Adds to a counter, which begins at 0. A name is of `a-z 0-9 _` and begins with a letter."""
    checked(_metrics.add, name, by)


def set(name: str, value: int) -> None:
    """Sets a gauge."""
    checked(_metrics.set, name, value)
