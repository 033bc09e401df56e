"""The way to one app: how it is connected to, and what is changed in what passes."""

import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Connect = Callable[[], Awaitable[socket.socket]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """`key` names what is connected to: connections are kept open by it, so nothing else ever has the same.

    `prefix` is the path below which the app is shown; under `strip_prefix` the app is not told of it.
    `headers` are put to each request, over those of the same name. `sandboxed`: its pages are shown at the
    portal's own origin, so they are kept from doing anything in it. `framed_by`: origins whose pages may show
    it in a frame, as a content security policy names them.
    """

    key: str
    connect: Connect
    prefix: str
    strip_prefix: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    sandboxed: bool = False
    framed_by: str = "'self'"
    put: tuple[tuple[bytes, bytes], ...] = field(init=False)
    """`headers`, as requests have them."""
    replaced: frozenset[bytes] = field(init=False)
    """The names of those."""

    def __post_init__(self) -> None:
        put = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()
        ]
        object.__setattr__(self, "put", tuple(put))
        object.__setattr__(self, "replaced", frozenset(name for name, _ in put))

    def path(self, raw_path: str) -> str:
        """The path as the app is asked for it."""
        if not self.strip_prefix or not self.is_below(raw_path):
            return raw_path
        return raw_path[len(self.prefix) :] or "/"

    def is_below(self, path: str) -> bool:
        return path == self.prefix or path.startswith(f"{self.prefix}/")
