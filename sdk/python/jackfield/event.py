"""What happens in the tenant, for the plugin's `@service` class: its `handle(self, event)`. Capability `event`."""

from typing import Optional

from wit_world.imports import event as _event

from . import checked


def subscribe(prefix: str) -> None:
    """From now on the service is handed events whose kind begins with `prefix`, as in `call.`. Subscribe in its `__init__`."""
    checked(_event.subscribe, prefix)


def unsubscribe(prefix: str) -> bool:
    """Takes a subscription back; False if there was none."""
    return checked(_event.unsubscribe, prefix)


def publish(topic: str, **data: object) -> int:
    """Tells the tenant's services an event of the kind `PLUGIN/topic`; how many were told."""
    return checked(_event.publish, topic, [(name, str(value)) for name, value in data.items()])


def device(endpoint: str) -> Optional[str]:
    """What an endpoint is doing: `unregistered`, `idle`, `ringing` or `busy`; None if there is no such endpoint."""
    return _event.device(endpoint)
