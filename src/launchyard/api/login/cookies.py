"""Cookies of ours: their names, how they are read, how they are set. Pure.

Browsers send a cookie to every port of a host, so its name has the port: two servers on one machine do not
overwrite each other's. Over TLS the prefix keeps other names of the same domain from setting it.
"""

from collections.abc import Iterable

PORTAL, SESSION, FRAME = "launchyard", "launchyard-session", "launchyard-frame"
OURS = "launchyard"
MARK = "ly_"
"""With this begins every secret of ours."""
HEADER_MAX_BYTES = 16 * 1024


def name_of(kind: str, host: str, *, secure: bool) -> str:
    """The name of the cookie of this kind where we are reached as `host` (the Host header)."""
    _, colon, port = host.rpartition(":")
    number = port if colon and port.isdigit() else ("443" if secure else "80")
    return f"{'__Host-' if secure else ''}{kind}-{number}"


def is_ours(name: str) -> bool:
    """Whether an app may neither see nor set it. Browsers send the value of one without a name as a pair."""
    bare = name.strip().lower()
    return not bare or bare.removeprefix("__host-").removeprefix("__secure-").startswith(OURS)


def pairs(header: str) -> list[tuple[str, str]]:
    """Names and values of a Cookie header, in its order."""
    found = []
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            found.append((name.strip(), value.strip()))
    return found


def value_of(headers: Iterable[str], name: str) -> str | None:
    """None also where there are two different ones: somebody else has set one of them."""
    found = {value for header in headers for one, value in pairs(header[:HEADER_MAX_BYTES]) if one == name}
    return found.pop() if len(found) == 1 else None


def without_ours(header: str) -> str:
    """A Cookie header as an app may see it; empty: nothing is left."""
    theirs = [(name, value) for name, value in pairs(header) if not is_ours(name)]
    # Ray's clients have a token of ours in a cookie of Ray's name.
    return "; ".join(f"{name}={value}" for name, value in theirs if not value.strip('"').startswith(MARK))


def set_cookie(
    name: str, value: str, *, secure: bool, max_age_s: int, framed: bool = False, lax: bool = False
) -> str:
    """The Set-Cookie header. `framed`: also for a frame in a page of another site, kept apart for each.

    `lax`: also where another site leads the browser here.
    """
    parts = [f"{name}={value}", "Path=/", f"Max-Age={max_age_s}", "HttpOnly"]
    if framed:
        return "; ".join([*parts, "Secure", "SameSite=None", "Partitioned"])
    return "; ".join([*parts, *(["Secure"] if secure else []), f"SameSite={'Lax' if lax else 'Strict'}"])
