"""Between the parts of one plugin in one tenant. Capability `bus`."""

from wit_world.imports import bus as _bus

from . import checked, milliseconds


def ask(request: bytes, timeout: float = 5.0) -> bytes:
    """Asks the service part of this plugin and waits for its answer."""
    return bytes(checked(_bus.ask, request, milliseconds(timeout)))
