"""All that can be asked of the server, from its own OpenAPI document, with what stands for each parameter."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.threats.yard import ADA, Yard

OPEN = {
    ("GET", "/v1/health"),
    ("POST", "/login"),
    ("GET", "/v1/login-ways"),
    ("GET", "/v1/login/oidc"),
    ("GET", "/v1/login/oidc/callback"),
    ("GET", "/api/authentication_mode"),
}
"""What answers to everybody, beside the page's own files."""
NEVER_ENDS = "/v1/events"
STANDS = {
    **{"job": "1", "session": "1", "submission": "raysubmit_none", "token": "0" * 12, "terminal": "0" * 32},
    **{"name": "nothing", "protocol": "gcs", "app": "echo", "code": "internal", "step": "0"},
}


@dataclass(frozen=True)
class Route:
    """One of the document. `queries` are the names of its parameters."""

    method: str
    path: str
    queries: tuple[str, ...]
    fields: tuple[str, ...]
    """Of its JSON body; none: it takes no body, or not JSON."""

    def at(self, **names: str) -> str:
        """Its path with these in the place of its parameters."""
        return re.sub(r"\{(\w+)\}", lambda found: {**STANDS, **names}[found[1]], self.path)

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


def routes(yard: Yard) -> list[Route]:
    document = yard.ask("GET", "/openapi.json", user=ADA).json
    return list(_routes(document))


def _routes(document: dict[str, Any]) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if method == "parameters":
                continue
            named = [one for one in told.get("parameters", []) if one.get("in") == "query"]
            body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            fields = tuple(_fields(document, body.get("schema", {})))
            yield Route(method.upper(), path, tuple(one["name"] for one in named), fields)


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _fields(document, one)
    yield from schema.get("properties", ())
