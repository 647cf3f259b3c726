"""Timers for the plugin's `@service` class: the event `timer`, its source the timer's name. Capability `schedule`."""

from wit_world.imports import schedule as _schedule

from . import checked, milliseconds


def after(name: str, seconds: float, **data: object) -> None:
    """Sets a timer, in place of the one of that name."""
    checked(_schedule.after, name, milliseconds(seconds), [(key, str(value)) for key, value in data.items()])


def cancel(name: str) -> bool:
    """Takes a timer back; False if there is none of that name. One that is due may still come."""
    return checked(_schedule.cancel, name)
