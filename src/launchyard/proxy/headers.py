"""Which headers pass, and how they are changed on the way. Pure.

What speaks of one connection alone ends here, so what each side takes for the end of a message is decided by
one parser. Nothing of the portal's reaches an app, and nothing an app says counts for another origin.
"""

import re
from collections.abc import Callable, Iterable, Iterator

from launchyard.proxy.way import Way

Raw = Iterable[tuple[bytes, bytes]]
Pairs = list[tuple[str, str]]

OF_A_CONNECTION = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "http2-settings", "expect"),
    }
)
OF_PROXIES = ("x-forwarded-", "x-launchyard-")
NOT_PASSED = frozenset({"forwarded", "x-real-ip", "via"})
OF_A_HANDSHAKE = "sec-websocket-"
ANSWERED_BY_US = frozenset(
    {"date", "x-frame-options", "strict-transport-security", "alt-svc", "public-key-pins"}
)
OF_THE_ORIGIN = frozenset(
    {"clear-site-data", "service-worker-allowed", "set-login", "access-control-allow-origin"}
)
"""In an answer at the portal's own origin these would speak for the portal."""
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
TOKEN_PREFIX = "bearer ly_"  # noqa: S105 - how our tokens are presented

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Unfit(ValueError):
    """A header that no message may have."""


def to_app(
    given: Raw, way: Way, *, client: str, scheme: str, without_ours: Callable[[str], str], handshake: bool
) -> Pairs:
    """The headers of a request as the app gets them; `without_ours` takes our cookies out of their header."""
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in given]
    dropped = OF_A_CONNECTION | NOT_PASSED | _named_by_connection(pairs) | {n.lower() for n in way.headers}
    passed: Pairs = []
    for name, value in pairs:
        if name in dropped or name.startswith(OF_PROXIES):
            continue
        if handshake and (name.startswith(OF_A_HANDSHAKE) or name == "content-length"):
            continue
        if name == "authorization" and value.lower().startswith(TOKEN_PREFIX):
            continue
        if name == "cookie":
            value = without_ours(value)
            if not value:
                continue
        passed.append((name, value))
    host = next((value for name, value in pairs if name == "host"), "")
    told = [("x-forwarded-for", client), ("x-forwarded-proto", scheme), ("x-forwarded-host", host)]
    return [*passed, *told, *way.headers.items()]


def from_app(given: Raw, way: Way, *, is_ours: Callable[[str], bool]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as the browser gets them. Raises `Unfit`."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in given]
    dropped = OF_A_CONNECTION | ANSWERED_BY_US | _named_by_connection(pairs)
    dropped = dropped | OF_THE_ORIGIN if way.sandboxed else dropped
    passed: Pairs = []
    for name, value in pairs:
        lower = name.lower()
        if lower not in dropped:
            passed += _changed(lower, value, way, is_ours)
    passed += _rules(way)
    return [(_checked_name(name), _checked_value(value)) for name, value in passed]


def _changed(name: str, value: str, way: Way, is_ours: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    if name == "set-cookie":
        changed = _own_cookie(value, way, is_ours)
        if changed is not None:
            yield name, changed
    elif name in ("content-security-policy", "content-security-policy-report-only"):
        rules = [rule.strip() for rule in value.split(";")]
        kept = [rule for rule in rules if rule and not rule.lower().startswith("frame-ancestors")]
        if kept:
            yield name, "; ".join(kept)
    elif name in ("location", "content-location") and way.strip_prefix:
        yield name, _own_place(value, way)
    else:
        yield name, value


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
    return f"{way.prefix}{value}" if absolute and way.sandboxed and not way.is_below(value) else value


def _rules(way: Way) -> Pairs:
    rules = [f"frame-ancestors {way.framed_by}", *([SANDBOX] if way.sandboxed else [])]
    return [("content-security-policy", rule) for rule in rules]


def _named_by_connection(pairs: Pairs) -> frozenset[str]:
    said = ",".join(value for name, value in pairs if name.lower() == "connection")
    # What ends a message, and who we are, is no matter of one connection, whatever is said.
    kept = ("content-length", "host", "cookie", "content-type")
    return frozenset(one for word in said.split(",") if (one := word.strip().lower()) and one not in kept)


def _checked_name(name: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise Unfit(f"a header is named {name[:60]!r}")
    return name.encode("ascii")


def _checked_value(value: str) -> bytes:
    if _FORBIDDEN.search(value):
        raise Unfit("a header has a line break or another control character in it")
    return value.encode("latin-1")
