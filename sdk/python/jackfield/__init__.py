"""Write plugins for the Jackfield PBX in Python.

A plugin is a module `app.py` beside its `plugin.toml`. An application is a function of a leg and its arguments; it may wait as
long as it likes, because waiting suspends the plugin and costs nothing:

    from jackfield import Apps, application

    @application("Hello")
    def hello(leg, arguments):
        leg.answer()
        leg.play("hello")
        for digit in leg.read_digits(4):
            leg.play(f"digits/{digit}")

`Apps` must be imported: it is what the host calls (`Functions` likewise, for `@function`, `Services` for `@service`, and `Strategies`
for `@strategy`). When the party hangs up, what waits
raises `Gone`: let it pass. What is in the modules `blob`, `bus`, `choice`, `dial`, `dialplan`, `event`, `http`, `kv`, `lines`, `metrics`, `recording` and `schedule` needs the capability of that name in
`plugin.toml`.
"""

import traceback
from contextlib import nullcontext
from typing import Any, Callable, Iterable, Optional, Union

from componentize_py_types import Err
from wit_world.imports import system, types

__all__ = [
    "Apps", "Candidate", "Denied", "Error", "Event", "Functions", "Gone", "Leg", "LimitReached", "Services", "Strategies", "Timeout", "application",
    "config", "function", "log", "now_ms", "random_bytes", "service", "strategy",
]

Prompts = Union[str, Iterable[str]]


class Error(Exception):
    """The host could not do it. `code` is one of those in `wit/v0.1/types.wit`, `detail` is for people."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Gone(Error):
    """The party hung up: clean up and return."""


class Timeout(Error):
    """Time ran out."""


class Denied(Error):
    """Not allowed to this plugin, tenant or leg."""


class LimitReached(Error):
    """A quota or bound was reached."""


_KINDS = {"gone": Gone, "timeout": Timeout, "denied": Denied, "limit": LimitReached}


def checked(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls the host; its error becomes an exception of this module."""
    try:
        return function(*arguments)
    except Err as error:
        wire = error.value
        raise _KINDS.get(wire.code, Error)(wire.code, wire.detail) from None


def options(**given: Any) -> list:
    """Named options as they cross: those that are None are left out."""
    return [(name.replace("_", "-"), str(value)) for name, value in given.items() if value is not None]


def milliseconds(seconds: float) -> int:
    """A length of time as it crosses: whole milliseconds, at most 2^32 - 1."""
    return max(0, min(round(seconds * 1000), 2**32 - 1))


def _list(prompts: Prompts) -> list:
    return [prompts] if isinstance(prompts, str) else list(prompts)


class Leg:
    """One party's attachment to a call."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    @property
    def id(self) -> str:
        """A name for logs, unique within the host's life."""
        return self.raw.id()

    def attribute(self, name: str) -> Optional[str]:
        """A property such as `caller.number`, `caller.name`, `dialed.number`, `endpoint`, `state`, `codec`, or one that was set."""
        return self.raw.attribute(name)

    def set_attribute(self, name: str, value: str) -> None:
        """Changes a property, or makes a new one."""
        checked(self.raw.set_attribute, name, value)

    def ring(self) -> None:
        """Tells the caller that it rings."""
        checked(self.raw.ring)

    def progress(self) -> None:
        """Begins early media: prompts are heard before the call is answered."""
        checked(self.raw.progress)

    def answer(self) -> None:
        """Answers the call."""
        checked(self.raw.answer)

    def hang_up(self, cause: int = 16) -> None:
        """Hangs up with a Q.850 cause."""
        self.raw.hang_up(cause)

    def wait(self, seconds: float) -> None:
        """Waits; digits that come meanwhile are kept."""
        checked(self.raw.wait, milliseconds(seconds))

    def play(self, prompts: Prompts, interrupt: Optional[str] = None) -> Optional[str]:
        """Plays prompts to their end, or until a digit of `interrupt` is dialled, which is returned."""
        return checked(self.raw.play, _list(prompts), options(interrupt=interrupt))

    def read_digits(
        self,
        max: int,
        timeout: float = 5.0,
        prompt: Prompts = (),
        pause: Optional[float] = None,
        terminators: Optional[str] = None,
    ) -> str:
        """Reads up to `max` digits, `timeout` seconds for the first and `pause` for each other; an empty string if none came."""
        given = [("prompt", one) for one in _list(prompt)]
        given += options(inter_digit_ms=None if pause is None else milliseconds(pause), terminators=terminators)
        return checked(self.raw.read_digits, max, milliseconds(timeout), given)

    def send_digits(self, digits: str) -> None:
        """Sends digits to the party; `w` is half a second of pause."""
        checked(self.raw.send_digits, digits)

    def echo(self, stop: str = "") -> None:
        """Sends what the party says back to it, until it dials a digit of `stop` or hangs up."""
        checked(self.raw.echo, stop)

    def next_event(self, timeout: float) -> Any:
        """The next event (`seq`, `kind`, `source`, `data`), or None after the time-out."""
        return checked(self.raw.next_event, milliseconds(timeout))


_applications: dict = {}
_functions: dict = {}
_strategies: dict = {}
_service: Any = None


def application(name: str) -> Callable:
    """Marks a function of (leg, arguments) as the application `name` of `provides.apps`."""

    def register(body: Callable) -> Callable:
        _applications[name] = body
        return body

    return register


def function(name: str, write: Optional[Callable] = None) -> Callable:
    """Marks a function of (arguments, leg or None) that returns text as the dialplan function `name`.

    `write`, a function of (arguments, value, leg or None), makes it assignable.
    """

    def register(body: Callable) -> Callable:
        _functions[name] = (body, write)
        return body

    return register


def strategy(name: str) -> Callable:
    """Marks a function of (candidates, question) as the strategy `name` of `provides.strategies`, by which other plugins choose.

    `candidates` are `Candidate`s, `question` is a dict of what the choice is about. It returns the names of those to take, the best first.
    """

    def register(body: Callable) -> Callable:
        _strategies[name] = body
        return body

    return register


def service(body: type) -> type:
    """Marks a class as the service of `provides.service`: one object for each tenant, which answers one request after the other.

    `__init__(self, state)` begins, from what `snapshot` of the version before returned, or None. `answer(self, request)` gets bytes
    and returns bytes or text. `snapshot(self)` is bytes or text too, and may be missing, as may `handle(self, event)`, which gets what
    `event.subscribe` and `schedule.after` asked for: `kind`, `source`, `seq` and a dict of `data`.
    """
    global _service
    _service = body
    return body


def octets(value: Union[bytes, str]) -> bytes:
    """Bytes as they cross; text is UTF-8."""
    return value.encode() if isinstance(value, str) else value


def _at_the_border(body: Callable, *arguments: Any) -> Any:
    """Whatever the plugin raises leaves as an error of the contract; what nobody foresaw is in the log with its place."""
    try:
        return body(*arguments)
    except Error as error:
        raise Err(types.Error(error.code, error.detail)) from None
    except Exception as error:  # The plugin's own mistakes must not trap.
        log("error", traceback.format_exc())
        raise Err(types.Error("failed", f"{type(error).__name__}: {error}")) from None


def _unknown(name: str) -> Err:
    return Err(types.Error("unsupported", f"this plugin has no {name}"))


class Apps:
    """The export of the world `app`."""

    def run(self, name: str, caller: Any, arguments: str) -> None:
        if name not in _applications:
            raise _unknown(name)
        with caller:
            _at_the_border(_applications[name], Leg(caller), arguments)


class Functions:
    """The export of the world `function`."""

    def read(self, name: str, arguments: list, call: Any) -> str:
        if name not in _functions:
            raise _unknown(name)
        with call or nullcontext():
            return str(_at_the_border(_functions[name][0], arguments, call and Leg(call)))

    def write(self, name: str, arguments: list, value: str, call: Any) -> None:
        write = _functions.get(name, (None, None))[1]
        if write is None:
            raise Err(types.Error("unsupported", f"{name} cannot be assigned"))
        with call or nullcontext():
            _at_the_border(write, arguments, value, call and Leg(call))


class Candidate:
    """Somebody or something to choose from: a name, and a dict of what is known of it."""

    def __init__(self, name: str, **facts: object) -> None:
        self.name = name
        self.facts = {fact.replace("_", "-"): value for fact, value in facts.items()}

    def number(self, fact: str) -> int:
        """A fact that is a whole number; 0 where nobody told it or it is none."""
        try:
            return int(self.facts.get(fact, 0))
        except ValueError:
            return 0


class Strategies:
    """The export of the world `strategy`."""

    def choose(self, strategy: str, question: list, candidates: list) -> list:
        if strategy not in _strategies:
            raise _unknown(strategy)

        def told(raw: Any) -> Candidate:
            candidate = Candidate(raw.name)
            candidate.facts = dict(raw.facts)
            return candidate

        choose = _strategies[strategy]
        return list(_at_the_border(choose, [told(raw) for raw in candidates], dict(question)))


class Event:
    """Something that happened; `seq` has a gap where events were lost."""

    def __init__(self, raw: Any) -> None:
        self.seq, self.kind, self.source, self.data = raw.seq, raw.kind, raw.source, dict(raw.data)


class Services:
    """The export of the world `service`."""

    def start(self, restored: Any) -> None:
        global _service
        # An instance is started once: from here on it is the object.
        _service = _at_the_border(_service, None if restored is None else bytes(restored))

    def handle(self, event: Any) -> None:
        handle = getattr(_service, "handle", None)
        if handle is not None:
            _at_the_border(handle, Event(event))

    def answer(self, request: Any) -> bytes:
        return octets(_at_the_border(_service.answer, bytes(request)))

    def snapshot(self) -> bytes:
        return octets(_at_the_border(getattr(_service, "snapshot", bytes)))


def log(level: str, message: str) -> None:
    """Writes to the plugin's log: `error`, `warn`, `info` or `debug`."""
    system.log(level, message)


def now_ms() -> int:
    """Milliseconds since 1970, UTC; coarse."""
    return system.now()[0]


def random_bytes(count: int) -> bytes:
    """Random bytes, at most 1,024. Python's own `random` is seeded when the plugin is built: do not use it for secrets."""
    return bytes(system.random(count))


def config(key: str, default: Optional[str] = None) -> Optional[str]:
    """The tenant's setting for this plugin, else the manifest's default, else `default`."""
    value = system.config(key)
    return default if value is None else value
