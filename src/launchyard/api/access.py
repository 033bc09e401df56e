"""Which right each route needs: the gate asks, so no route can forget to.

The server does not start with a route that is not here. A test goes through the whole OpenAPI document: what
is in it is here, and what is here is in it.
"""

from collections.abc import Callable, Iterable, Mapping
from re import Pattern
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route, WebSocketRoute, compile_path

from launchyard.policy.rights import Right

WEBSOCKET = "WEBSOCKET"

_GET_LOOK = """
/openapi.json /v1/login-ways /v1/login/oidc /v1/login/oidc/callback /v1/me /v1/health /v1/status
/v1/counters /v1/errors/{code} /v1/events /v1/nodes /v1/reservations /v1/usage
/v1/jobs /v1/jobs/{job} /v1/jobs/{job}/why /v1/jobs/{job}/script /v1/jobs/{job}/efficiency /v1/efficiency
/v1/jobs/{job}/logs /v1/jobs/{job}/logs/search /v1/jobs/{job}/logs/marks /v1/jobs/{job}/series
/v1/jobs/{job}/tasks /v1/jobs/{job}/timeline
/v1/tables/jobs /v1/tables/list /v1/tables/nodes /v1/tables/partitions /v1/tables/reservations
/v1/tables/licences /v1/tables/steps /v1/tables/accounting /v1/tables/usage
/v1/slurm /v1/slurm/weights /v1/slurm/config /v1/slurm/associations /v1/slurm/crontab /v1/slurm/triggers
/v1/apps /v1/apps/{app} /v1/pythons /v1/sessions /v1/sessions/{session}
/v1/packages/{name} /api/packages/{protocol}/{name}
/api/version /api/jobs/ /api/jobs/{submission} /api/jobs/{submission}/logs /api/authentication_mode
/api/component_activities
"""
_GET_ENTER = """
/v1/jobs/{job}/runtime-env /v1/sessions/{job}/notebooks /v1/sessions/{job}/notebook
/v1/files /v1/files/about /v1/files/preview /v1/files/content /v1/files/archive /v1/files/uploads
/v1/terminals
"""
_POST_SUBMIT = """
/v1/jobs /v1/acts /v1/jobs/{job}/cancel /v1/jobs/{job}/hold /v1/jobs/{job}/release /v1/jobs/{job}/requeue
/v1/jobs/{job}/top /v1/jobs/{job}/suspend /v1/jobs/{job}/resume /v1/jobs/{job}/signal /v1/jobs/{job}/update
/v1/jobs/{job}/debug /v1/jobs/{job}/steps /v1/jobs/{job}/steps/{step}/signal
/v1/jobs/{job}/steps/{step}/cancel
/v1/sessions /v1/sessions/{session}/stop /v1/sessions/{session}/extend /v1/sessions/{session}/save
/v1/sessions/{session}/relaunch /v1/sessions/{session}/told /v1/sessions/{job}/batch
/v1/slurm/crontab /api/jobs/ /api/jobs/{submission}/stop
"""
_POST_ENTER = """
/v1/sessions/{session}/open /v1/sessions/{session}/share /v1/terminals /v1/slurm/triggers
/v1/files/details /v1/files/folders /v1/files/move /v1/files/delete
"""


def _all(method: str, paths: str, right: Right) -> dict[tuple[str, str], Right]:
    return {(method, path): right for path in paths.split()}


ROUTES: Mapping[tuple[str, str], Right] = {
    **_all("GET", _GET_LOOK, Right.LOOK),
    **_all("POST", "/login /logout /api/authenticate", Right.LOOK),
    **_all(WEBSOCKET, "/api/jobs/{submission}/logs/tail", Right.LOOK),
    **_all("POST", _POST_SUBMIT, Right.SUBMIT),
    **_all("GET", "/v1/jobs/{job}/steps/freed", Right.SUBMIT),
    **_all("PUT", "/v1/packages/{name} /api/packages/{protocol}/{name}", Right.SUBMIT),
    **_all("DELETE", "/v1/sessions/{session} /v1/slurm/crontab /api/jobs/{submission}", Right.SUBMIT),
    **_all("GET", _GET_ENTER, Right.ENTER),
    **_all("POST", _POST_ENTER, Right.ENTER),
    **_all("PUT", "/v1/files/text /v1/files/uploads", Right.ENTER),
    **_all("DELETE", "/v1/files/uploads /v1/terminals/{terminal} /v1/slurm/triggers", Right.ENTER),
    **_all(WEBSOCKET, "/v1/jobs/{job}/terminal /v1/jobs/{job}/shell /v1/jobs/{job}/ray", Right.ENTER),
    **_all(WEBSOCKET, "/v1/terminals/{terminal}", Right.ENTER),
    **_all("POST", "/v1/tokens /v1/login-links", Right.CREDENTIALS),
    **_all("GET", "/v1/tokens", Right.CREDENTIALS),
    **_all("DELETE", "/v1/tokens/{token}", Right.CREDENTIALS),
    **_all("POST", "/v1/nodes/{name} /v1/counters/reset /v1/reservations", Right.NODES),
    **_all("DELETE", "/v1/reservations/{name}", Right.NODES),
    **_all("GET", "/v1/admin/policy", Right.ACCOUNT),
    **_all("POST", "/v1/admin/policy", Right.ACCOUNT),
    **_all("PUT", "/v1/admin/policy", Right.RULES),
    **_all("POST", "/v1/admin/reload", Right.RULES),
    **_all("GET", "/v1/admin/config", Right.RULES),
    **_all("GET", "/v1/admin/audit", Right.AUDIT),
    **_all("GET", "/metrics", Right.SEE_ALL),
}
"""By method and path, as the route itself is written."""

Needs = Callable[[Any], Right]
"""The right that a request needs, by its scope."""


class Needed:
    """Finds the route that a request leads to, as the router will, and so the right that it needs.

    What leads nowhere needs what no limited token has: then a route that is not found here is not open to it.
    """

    def __init__(self, routes: Iterable[tuple[str, BaseRoute]]) -> None:
        """`routes` with the prefix of each. Raises `KeyError` for one that is not in `ROUTES`."""
        self._exact: dict[tuple[str, str], Right] = {}
        self._by_start: dict[tuple[str, str], list[tuple[Pattern[str], Right]]] = {}
        for prefix, route in routes:
            for method, path in keys_of(route):
                self._take(method, prefix + path, ROUTES[method, path])

    def _take(self, method: str, path: str, right: Right) -> None:
        if "{" not in path:
            self._exact[method, path] = right
            return
        pattern, _, _ = compile_path(path)
        self._by_start.setdefault((method, _start(path)), []).append((pattern, right))

    def __call__(self, scope: Any) -> Right:
        method = scope["method"] if scope["type"] == "http" else WEBSOCKET
        path: str = scope["path"]
        found = self._exact.get((method, path))
        if found is not None:
            return found
        for pattern, right in self._by_start.get((method, _start(path)), ()):
            if pattern.match(path):
                return right
        return Right.ENTER


def keys_of(route: BaseRoute) -> list[tuple[str, str]]:
    """Its methods and its path, as `ROUTES` has them."""
    if isinstance(route, WebSocketRoute):
        return [(WEBSOCKET, route.path)]
    if isinstance(route, Route | APIRoute):
        return [(method, route.path) for method in sorted(route.methods or ())]
    return []


def _start(path: str) -> str:
    """What comes before any name of a thing: `/v1/jobs` of `/v1/jobs/17/why`."""
    first, _, rest = path[1:].partition("/")
    return f"{first}/{rest.partition('/')[0]}"


def enters(scope: Any) -> Right:
    """What every request to a session's app needs."""
    return Right.ENTER
