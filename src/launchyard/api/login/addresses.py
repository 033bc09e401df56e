"""Which address is the portal's and which a session's. Pure.

A session is shown at an origin of its own, so that its pages can do nothing in the portal's: at
`17.localhost`, a name that every browser takes for its own machine, or at `17.yard.example` where `hosts` has
`*.yard.example`. Where neither can be, it is shown below `/session/17/` of the portal, in a sandbox.
"""

from collections.abc import Iterable

from launchyard.model.errors import Invalid
from launchyard.model.number import shown

LOCALHOST = "localhost"
PORTAL_NAME = "launchyard.localhost"
"""The portal's name on its own machine where it shows sessions in frames, at `17.launchyard.localhost`.

Browsers keep the pages of another site from storing anything while they are in a frame.
"""
PATH = "/session/"
_LOOPBACK = frozenset({LOCALHOST, "127.0.0.1", "[::1]"})
ID_MAX_DIGITS = 18


def host_name(host: str) -> str:
    """The name in a Host header, without port and without a closing dot."""
    name, colon, port = host.rpartition(":")
    bare = name if colon and port.isdigit() and not name.endswith(":") else host
    return bare.lower().removesuffix(".")


def has_apps_beside(name: str, hosts: Iterable[str]) -> bool:
    """Whether pages of apps could set cookies for this name, as pages of names below a common one can.

    Then a cookie needs a name that only this very host can set. Of `localhost` alone no page can.
    """
    if "." not in name:
        return False
    common = [PORTAL_NAME, *(one.removeprefix("*.") for one in hosts if one.startswith("*."))]
    return any(name == one or name.endswith(f".{one}") or one.endswith(f".{name}") for one in common)


def session_of_host(name: str, hosts: Iterable[str]) -> int | None:
    """The session whose own name this is (without port); None: it is none of those."""
    label, dot, rest = name.partition(".")
    if not dot or not (rest in (LOCALHOST, PORTAL_NAME) or f"*.{rest}" in hosts):
        return None
    return _id_of(label)


def session_of_path(path: str) -> int | None:
    """The session below whose path this is."""
    if not path.startswith(PATH):
        return None
    return _id_of(path[len(PATH) :].partition("/")[0])


def session_host(host: str, name: str, hosts: Iterable[str]) -> str | None:
    """Where sessions are shown to whoever reached us as `host`, which is `name` and a port; None: by path."""
    _, colon, digits = host.rpartition(":")
    port = f":{digits}" if colon and digits.isdigit() else ""
    if name in _LOOPBACK:
        return f"{{id}}.{LOCALHOST}{port}"
    if name == PORTAL_NAME:
        return f"{{id}}.{PORTAL_NAME}{port}"
    wild = sorted(one.removeprefix("*.") for one in hosts if one.startswith("*."))
    near = [one for one in wild if name == one or name.endswith(f".{one}") or one.endswith(f".{name}")]
    chosen = (near or wild)[:1]
    return f"{{id}}.{chosen[0]}{port}" if chosen else None


def portal_of(scheme: str, host: str, hosts: Iterable[str]) -> str:
    """Where the portal is, for whoever came to a session by `host`."""
    return _portals(scheme, host, hosts)[0]


def portals_of(scheme: str, host: str, hosts: Iterable[str]) -> str:
    """Whose pages may show a session in a frame, as a content security policy names them.

    By whichever scheme the session itself was reached: a proxy before us may speak TLS.
    """
    return " ".join(["'self'", *(url.partition("//")[2] for url in _portals(scheme, host, hosts))])


def _portals(scheme: str, host: str, hosts: Iterable[str]) -> list[str]:
    rest = host.partition(".")[2]
    name, colon, digits = rest.rpartition(":")
    bare, port = (name, f":{digits}") if colon and digits.isdigit() else (rest, "")
    web = "https" if scheme in ("https", "wss") else "http"
    if bare.lower().removesuffix(".") == LOCALHOST:
        return [f"{web}://127.0.0.1{port}", f"{web}://{LOCALHOST}{port}"]
    if bare.lower().removesuffix(".") == PORTAL_NAME:
        return [f"{web}://{PORTAL_NAME}{port}"]
    plain = sorted(one for one in hosts if not one.startswith("*."))
    near = [one for one in plain if one == bare or one.endswith(f".{bare}") or bare.endswith(f".{one}")]
    return [f"{web}://{one}{port}" for one in near or plain or [bare]]


def local_path(path: str) -> str:
    """Where to go on this server. Raises `Invalid`, also for what a browser takes for another server."""
    plain = path.startswith("/") and path[1:2] not in ("/", "\\")
    if not plain or "\\" in path or any(not "!" <= c <= "~" for c in path) or len(path) > 2000:
        raise Invalid(f"{shown(path)} is no path of this server; it begins with one / and has no spaces")
    return path


def _id_of(text: str) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) <= ID_MAX_DIGITS and not text.startswith("0")
    return int(text) if plain else None
