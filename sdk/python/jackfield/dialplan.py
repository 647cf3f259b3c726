"""The dialplan around a leg: its variables, functions and applications, and where it goes on. Capability `dialplan`."""

from typing import Optional

from wit_world.imports import dialplan as _dialplan

from . import Leg, checked


def variable(leg: Leg, name: str) -> Optional[str]:
    """The value of a variable; None if there is none."""
    return _dialplan.variable(leg.raw, name)


def set_variable(leg: Leg, name: str, value: str) -> None:
    """Sets a channel variable."""
    checked(_dialplan.set_variable, leg.raw, name, value)


def evaluate(leg: Leg, expression: str) -> str:
    """Evaluates `${…}` and `$[…]` as the dialplan does."""
    return checked(_dialplan.evaluate, leg.raw, expression)


def read_function(leg: Leg, name: str, *arguments: str) -> str:
    """The value of a function that a plugin of the tenant provides, as `${NAME(a,b)}` has it."""
    return checked(_dialplan.read_function, leg.raw, name, list(arguments))


def run(leg: Leg, application: str, arguments: str = "") -> None:
    """Runs another application of the tenant."""
    checked(_dialplan.run, leg.raw, application, arguments)


def goto(leg: Leg, context: Optional[str] = None, extension: Optional[str] = None, priority: str = "1") -> None:
    """Where the dialplan goes on when this run returns."""
    checked(_dialplan.goto, leg.raw, context, extension, priority)
