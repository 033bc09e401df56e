"""Serves the front end: its files to everybody, and its one page at every address that is a place in it.

Nothing here knows a user: the page asks `/v1/me` and leads to the login. The content security policy lets run
and load what this server sent as files, and nothing else; styles that a script makes bear the page's nonce.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from launchyard.portal.built import INDEX, STATIC, TYPES, BuiltFile, Place, built_files, places, words_of

NONCE = "LAUNCHYARD_NONCE"
"""Stands in the built page where each answer has a nonce of its own."""
LOCAL_SESSIONS = "*.localhost"
"""Where sessions are shown in frames, beside the names that the site gives them."""
RESERVED = ("/v1", "/api", "/session", "/openapi.json", "/logout")
"""Below these the API and sessions answer, also to browsers."""
NOT_BUILT = "The portal is not built here; in a clone run `make web`. Commands and API do without it.\n"
GONE = "This part of the portal was built again; load the page again.\n"
FOR_EVER, FOR_AN_HOUR = "public, max-age=31536000, immutable", "public, max-age=3600"


class Portal:
    """`ours` tells whether a request reached us under a name of ours; others are nobody's business here.

    `hosts` are the site's own names; those that begin with `*.` are those of sessions.
    """

    def __init__(
        self,
        ours: Callable[[Scope], bool],
        *,
        reserved: Sequence[str] = (),
        hosts: Collection[str] = (),
        directory: Path = STATIC,
    ) -> None:
        self._ours = ours
        self._reserved = (*RESERVED, *(prefix for prefix in reserved if prefix))
        names = (LOCAL_SESSIONS, *sorted(one for one in hosts if one.startswith("*.")))
        self._frames = " ".join(f"{scheme}://{name}:*" for name in names for scheme in ("http", "https"))
        self._directory = directory
        self._built_at = 0
        self._files: Mapping[str, BuiltFile] = {}
        self._page: str | None = None
        self._places: Sequence[Place] = ()
        self._look()

    def serves(self, scope: Scope) -> bool:
        """Whether this is for the portal: a file of it, or a browser that goes to a place in it."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return False
        path: str = scope["path"]
        if path not in self._files and not self._is_place(path, scope):
            return False
        return self._ours(scope)

    def _is_place(self, path: str, scope: Scope) -> bool:
        if any(path == one or path.startswith(f"{one}/") for one in self._reserved):
            return False
        return path == "/" or "text/html" in Headers(scope=scope).get("accept", "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._files.get(scope["path"])
        response = self._index(scope["path"]) if found is None else await _file(found, Headers(scope=scope))
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    def _look(self) -> None:
        """What is built, anew where it was built again since: an upgrade under a server that runs."""
        index = self._directory / INDEX
        built_at = index.stat().st_mtime_ns if index.is_file() else 0
        if built_at != self._built_at:
            self._built_at = built_at
            self._files = built_files(self._directory)
            self._page = index.read_text() if built_at else None
            self._places = places(self._directory)

    def _index(self, path: str) -> Response:
        """The page, with what is at this address fetched beside it instead of after it."""
        self._look()
        if self._page is None:
            return Response(NOT_BUILT, 503, _headers("no-store"), TYPES[".txt"])
        nonce = secrets.token_urlsafe(16)
        headers = {**_headers("no-store"), "content-security-policy": self._policy(nonce)}
        words = words_of(path)
        links = next((place.links for place in self._places if place.is_at(words)), "")
        page = self._page.replace("</head>", f"{links}</head>", 1).replace(NONCE, nonce)
        return Response(page, 200, headers, TYPES[".html"])

    def _policy(self, nonce: str) -> str:
        rules = (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "worker-src 'self'",
            f"frame-src 'self' {self._frames}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
        return "; ".join(rules)


async def _file(found: BuiltFile, headers: Headers) -> Response:
    compressed = found.compressed if "gzip" in headers.get("accept-encoding", "") else None
    try:
        body = await asyncio.to_thread((compressed or found.path).read_bytes)
    except FileNotFoundError:
        return Response(GONE, 404, _headers("no-store"), TYPES[".txt"])
    told = {**_headers(FOR_EVER if found.hashed else FOR_AN_HOUR), "vary": "accept-encoding"}
    if compressed is not None:
        told["content-encoding"] = "gzip"
    return Response(body, 200, told, found.media_type)


def _headers(kept: str) -> dict[str, str]:
    return {
        "cache-control": kept,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
