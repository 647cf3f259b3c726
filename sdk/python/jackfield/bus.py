"""Between the parts of one plugin in one tenant. Capability `bus`."""

from wit_world.imports import bus as _bus

from . import checked, milliseconds, octets


def ask(request: "bytes | str", timeout: float = 5.0) -> bytes:
    """Asks the service part of this plugin and waits for its answer."""
    return bytes(checked(_bus.ask, octets(request), milliseconds(timeout)))
