"""Which headers pass, and how they are changed on the way. Pure.

What speaks of one connection alone ends here, so what each side takes for the end of a message is decided by
one parser. Nothing of the portal's reaches an app, and nothing an app says counts for another origin.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from launchyard.proxy.way import Way

Raw = Sequence[tuple[bytes, bytes]]
"""Names of requests are in small letters, as our server reads them."""
Pairs = list[tuple[bytes, bytes]]

OF_A_CONNECTION = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
        *(b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings", b"expect"),
    }
)
OF_PROXIES = (b"x-forwarded-", b"x-launchyard-")
OF_A_HANDSHAKE = (*OF_PROXIES, b"sec-websocket-")
OF_THE_ORIGIN = frozenset(
    {
        *(b"clear-site-data", b"service-worker-allowed", b"set-login", b"access-control-allow-origin"),
        *(b"nel", b"report-to", b"reporting-endpoints", b"accept-ch", b"origin-agent-cluster"),
        *(b"access-control-allow-credentials", b"use-as-dictionary"),
    }
)
"""In an answer at the portal's own origin these would speak for the portal."""
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
NAME_MAX_BYTES = 256
OUR_TOKEN = re.compile(rb"(?<![0-9A-Za-z_-])ly_")
"""In whichever scheme and however far from it."""
CREDENTIALS = frozenset({b"authorization", b"x-ray-authorization"})

_NOT_TO_APP = OF_A_CONNECTION | {b"forwarded", b"x-real-ip", b"via"}
_LOOKED_AT = _NOT_TO_APP | {b"host", b"cookie"} | CREDENTIALS
_LOOKED_AT_IN_A_HANDSHAKE = _LOOKED_AT | {b"content-length"}
_NOT_FROM_APP = OF_A_CONNECTION | {
    *(b"date", b"x-frame-options", b"strict-transport-security", b"alt-svc", b"public-key-pins"),
}
_NOT_FROM_APP_IN_A_SANDBOX = _NOT_FROM_APP | OF_THE_ORIGIN
_NEVER_DROPPED = frozenset({b"content-length", b"host", b"cookie", b"content-type"})
_SAYS_NO_MORE = frozenset({b"keep-alive", b"close", b"upgrade"})
_CHANGED = frozenset(
    {
        *(b"set-cookie", b"location", b"content-location"),
        *(b"content-security-policy", b"content-security-policy-report-only"),
    }
)
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Unfit(ValueError):
    """A header that no message may have."""


def to_app(
    given: Raw, way: Way, *, client: str, scheme: str, without_ours: Callable[[str], str], handshake: bool
) -> Pairs:
    """The headers of a request as the app gets them; `without_ours` takes our cookies out of their header."""
    looked_at = _LOOKED_AT_IN_A_HANDSHAKE if handshake else _LOOKED_AT
    if way.replaced:
        looked_at |= way.replaced
    beginnings = OF_A_HANDSHAKE if handshake else OF_PROXIES
    passed: Pairs = []
    of_connection: list[bytes] = []
    host = b""
    for pair in given:
        name, value = pair
        if name not in looked_at:
            if not name.startswith(beginnings):
                passed.append(pair)
        elif name == b"connection":
            of_connection.append(value)
        elif name in way.replaced or not (value := _allowed(name, value, without_ours)):
            continue
        else:
            passed.append((name, value))
            host = value if name == b"host" else host
    if not host:
        passed.append((b"host", b"localhost"))
    passed = _without(passed, of_connection)
    passed.append((b"x-forwarded-for", client.encode("latin-1")))
    passed.append((b"x-forwarded-proto", scheme.encode("latin-1")))
    passed.append((b"x-forwarded-host", host))
    passed += way.put
    return passed


def _allowed(name: bytes, value: bytes, without_ours: Callable[[str], str]) -> bytes:
    """What an app may know of it; empty: nothing."""
    if name == b"host":
        return value
    if name in CREDENTIALS:
        return b"" if OUR_TOKEN.search(value) else value
    if name == b"cookie":
        return without_ours(value.decode("latin-1")).encode("latin-1")
    return b""


def lines_of(headers: Pairs) -> bytes:
    """Headers as they are sent. Raises `Unfit` for what would be read as more than it is."""
    lines = b"".join([b"%b: %b\r\n" % pair for pair in headers])
    count = len(headers)
    if lines.count(b"\n") != count or lines.count(b"\r") != count or b"\0" in lines:
        raise Unfit("a header has a line break or another control character in it")
    return lines


def from_app(given: Raw, way: Way, *, is_ours: Callable[[str], bool]) -> Pairs:
    """The headers of an answer as the browser gets them. Raises `Unfit`."""
    dropped = _NOT_FROM_APP_IN_A_SANDBOX if way.sandboxed else _NOT_FROM_APP
    passed: Pairs = []
    of_connection: list[bytes] = []
    for said, value in given:
        name = _checked_name(said)
        if name in dropped:
            if name == b"connection":
                of_connection.append(value)
            continue
        if _FORBIDDEN.search(value):
            raise Unfit("a header has a line break or another control character in it")
        if name not in _CHANGED:
            passed.append((name, value))
            continue
        text = value.decode("latin-1")
        for changed in _changed(name.decode("ascii"), text, way, is_ours):
            passed.append((name, changed.encode("latin-1")))
    passed = _without(passed, of_connection)
    passed += _rules(way.framed_by, sandboxed=way.sandboxed)
    return passed


def _changed(name: str, value: str, way: Way, is_ours: Callable[[str], bool]) -> Iterator[str]:
    if name == "set-cookie":
        changed = _own_cookie(value, way, is_ours)
        if changed is not None:
            yield changed
    elif name in ("location", "content-location"):
        yield _own_place(value, way)
    else:
        rules = [rule.strip() for rule in value.split(";")]
        kept = [rule for rule in rules if rule and not rule.lower().startswith("frame-ancestors")]
        if kept:
            yield "; ".join(kept)


def _own_cookie(value: str, way: Way, is_ours: Callable[[str], bool]) -> str | None:
    """For this host and no other one; below the app's path where the portal is at the same host."""
    first, *attributes = [part.strip() for part in value.split(";")]
    if is_ours(first.partition("=")[0]):
        return None
    kept = [one for one in attributes if one.partition("=")[0].strip().lower() != "domain"]
    if way.sandboxed:
        kept = [one for one in kept if one.partition("=")[0].strip().lower() != "path"]
        kept.append(f"Path={way.prefix}/")
    return "; ".join([first, *kept])


def _own_place(value: str, way: Way) -> str:
    """A redirection of an app that does not know below which path it is shown."""
    absolute = value.startswith("/") and not value.startswith("//")
    told = way.strip_prefix and way.sandboxed and absolute and not way.is_below(value)
    return f"{way.prefix}{value}" if told else value


@lru_cache(maxsize=1024)
def _rules(framed_by: str, *, sandboxed: bool) -> tuple[tuple[bytes, bytes], ...]:
    rules = [f"frame-ancestors {framed_by}", *([SANDBOX] if sandboxed else [])]
    return tuple((b"content-security-policy", rule.encode("latin-1")) for rule in rules)


def _without(passed: Pairs, of_connection: Sequence[bytes]) -> Pairs:
    """Without what the message itself says, in these values of `Connection`, is of its connection alone."""
    if all(value.lower() in _SAYS_NO_MORE for value in of_connection):
        return passed
    named = {word.strip() for value in of_connection for word in value.lower().split(b",")}
    # What ends a message, and who we are, is no matter of one connection, whatever is said.
    return [pair for pair in passed if pair[0] not in named or pair[0] in _NEVER_DROPPED]


def _checked_name(name: bytes) -> bytes:
    """In small letters. Raises `Unfit`."""
    if len(name) > NAME_MAX_BYTES:
        raise Unfit(f"a header is named {name[:60]!r}...")
    return _known_name(name)


@lru_cache(maxsize=4096)
def _known_name(name: bytes) -> bytes:
    if not _NAME.fullmatch(name):
        raise Unfit(f"a header is named {name[:60]!r}")
    return name.lower()
