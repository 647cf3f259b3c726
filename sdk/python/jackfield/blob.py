"""Recordings and other files, private to the plugin in its tenant: what `recording.record` makes. Capability `blob`."""

from typing import Optional

from wit_world.imports import blob as _blob

from . import checked


def names(prefix: str = "", after: Optional[str] = None, limit: int = 1000) -> list:
    """Up to `limit` blobs whose names begin with `prefix`, in byte order, the first being greater than `after`: (name, bytes)."""
    return [tuple(found) for found in checked(_blob.list, prefix, after, limit)]


def rename(name: str, to: str) -> bool:
    """Gives a blob another name, in place of the one that had it; False if there is none to rename."""
    return checked(_blob.rename, name, to)


def remove(name: str) -> bool:
    """Removes a blob; False if there was none."""
    return checked(_blob.remove, name)
