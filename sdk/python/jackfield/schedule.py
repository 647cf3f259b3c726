"""Timers for the plugin's `@service` class: the event `timer`, its source the timer's name. Capability `schedule`."""

from wit_world.imports import schedule as _schedule

from . import checked, milliseconds


def after(name: str, seconds: float, **data: object) -> None:
    """Sets a timer, in place of the one of that name."""
    checked(_schedule.after, name, milliseconds(seconds), [(key, str(value)) for key, value in data.items()])


def at(name: str, pattern: str, **data: object) -> None:
    """Sets a timer that comes again and again at times of day in the tenant's time zone, in place of the one of that name.

    `pattern` is five fields as in cron(5): `0 8 * * mon-fri` is at eight from Monday to Friday.
    """
    checked(_schedule.at, name, pattern, [(key, str(value)) for key, value in data.items()])


def cancel(name: str) -> bool:
    """Takes a timer back; False if there is none of that name. One that is due may still come."""
    return checked(_schedule.cancel, name)
