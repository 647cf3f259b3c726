"""Small values, private to the plugin in its tenant. What was acknowledged survives a crash. Capability `kv`."""

from typing import Optional

from wit_world.imports import kv as _kv

from . import checked, octets


def get(key: str) -> Optional[bytes]:
    """The value, or None."""
    value = checked(_kv.get, key)
    return None if value is None else bytes(value)


def get_text(key: str) -> Optional[str]:
    """The value as text, or None."""
    value = get(key)
    return None if value is None else value.decode()


def set(key: str, value: "bytes | str") -> None:
    """Puts a value; durable when it returns."""
    checked(_kv.set, key, octets(value))


def swap(key: str, old: Optional[bytes], new: Optional[bytes]) -> bool:
    """Replaces the value only if it is still `old` (None = absent); None as `new` deletes. False if it was something else."""
    return checked(_kv.swap, key, old, new)


def delete(key: str) -> None:
    """Deletes; no error if there is nothing."""
    checked(_kv.delete, key)


def keys(prefix: str, after: Optional[str] = None, limit: int = 1000) -> list:
    """Up to `limit` keys that begin with `prefix`, in byte order, the first being greater than `after`."""
    return checked(_kv.keys, prefix, after, limit)
