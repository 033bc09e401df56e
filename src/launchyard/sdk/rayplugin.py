"""What Ray's clients find behind an address like `launchyard://local`: our server, with a token.

`launchyard://local` is the server of this machine (or the one that LAUNCHYARD_URL names), and
`launchyard://host:8265` another; `?queue=gpu&time=2:00:00` is what each job says with it. Ray looks for the
function in the module `launchyard` itself. The token comes from a file that nobody else can read.
"""

import os
from collections.abc import Mapping
from urllib.parse import parse_qsl

from launchyard.model.errors import Unauthenticated
from launchyard.model.light import Any, NamedTuple
from launchyard.sdk.address import from_url
from launchyard.sdk.client import Client
from launchyard.sdk.rayaccess import access, read_token, token_path, url_of

LOCAL = ("", "local", "localhost")
PREFIX = "launchyard."


class ClusterInfo(NamedTuple):
    """What Ray's client reads: these four names."""

    address: str
    cookies: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    headers: dict[str, Any] | None = None


def cluster_info(
    inner: str,
    cookies: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ClusterInfo:
    """The address, with a token unless the caller brings credentials. Raises `LaunchyardError`."""
    where, _, query = inner.partition("?")
    said = {f"{PREFIX}{name}": value for name, value in parse_qsl(query, keep_blank_values=True)}
    given = {name.lower() for name in headers or {}}
    brought = bool(given & {"authorization", "x-ray-authorization"}) or bool(cookies)
    url, token = _local(brought) if where.strip("/") in LOCAL else _elsewhere(where, brought, environ)
    sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token is not None else {})}
    return ClusterInfo(url, cookies, {**said, **(metadata or {})} or None, sent or None)


def _local(brought: bool) -> tuple[str, str | None]:
    with Client() as client:
        if brought:
            return url_of(client), None
        found = access(client)
    return found.url, read_token(found.token_path)


def _elsewhere(where: str, brought: bool, environ: Mapping[str, str]) -> tuple[str, str | None]:
    address = from_url(f"http://{where}", environ)
    url = str(address)
    token = None if brought else read_token(token_path(url)) or address.token
    if token is None and not brought:
        raise Unauthenticated(
            f"there is no token for {url}; run `ly --url {url} ray env` once, or set LAUNCHYARD_TOKEN"
        )
    return url, token
