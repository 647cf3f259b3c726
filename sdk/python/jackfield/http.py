"""Asking other servers by HTTP. Capability `http`, with the hosts that may be asked in `plugin.toml`."""

from dataclasses import dataclass
from typing import Iterable, Mapping, Optional, Tuple, Union

from wit_world.imports import http as _http

from . import checked, milliseconds, octets, options

Headers = Union[Mapping[str, str], Iterable[Tuple[str, str]]]


@dataclass
class Response:
    """What a server said: 404 is a response too. `url` is what was asked in the end; the body is not decoded."""

    status: int
    url: str
    headers: list
    body: bytes

    def header(self, name: str) -> Optional[str]:
        """The first value of a header, whatever the case of its name."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def request(
    method: str,
    url: str,
    headers: Headers = (),
    body: "bytes | str" = b"",
    timeout: Optional[float] = None,
    redirects: Optional[int] = None,
) -> Response:
    """Sends a request and waits for all of the response, `timeout` seconds at most (10 unless said). Raises `Denied` where it may not ask."""
    given = list(headers.items() if isinstance(headers, Mapping) else headers)
    named = options(timeout_ms=None if timeout is None else milliseconds(timeout), redirects=redirects)
    said = checked(_http.send, _http.Request(method, url, given, octets(body)), named)
    return Response(said.status, said.url, list(said.headers), bytes(said.body))


def get(url: str, headers: Headers = (), timeout: Optional[float] = None) -> Response:
    """Asks for a URL."""
    return request("GET", url, headers, timeout=timeout)


def post(url: str, body: "bytes | str", headers: Headers = (), timeout: Optional[float] = None) -> Response:
    """Sends a body to a URL."""
    return request("POST", url, headers, body, timeout)
