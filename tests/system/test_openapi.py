"""The OpenAPI document is true: whatever is asked by it is answered as it says, and never by a 500.

Requests are made from the document by schemathesis: the edges of every value, and values at random, right
ones and wrong ones. The one node takes no work meanwhile, so nothing that is submitted here ever runs.
"""

import contextlib
import importlib
import itertools
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from launchyard.api import packages, ray_jobs, routes
from tests.often import often
from tests.system.product import Json, Product

NODE = "takes-no-work-7c1f"
CONFIG = f"""
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
[files]
roots = ["/srv/no-files-of-anybody-7c1f"]
[[nodes]]
name = "{NODE}"
cpus = 4
memory = "4GiB"
"""

STREAMS = {
    "/v1/events": "never ends",
    "/v1/jobs/{job}/terminal": "a WebSocket",
    "/v1/jobs/{job}/shell": "a WebSocket",
    "/v1/jobs/{job}/ray": "a WebSocket",
    "/v1/terminals/{terminal}": "a WebSocket",
    "/api/jobs/{submission}/logs/tail": "a WebSocket",
}
"""What is left out here, and why; their own tests are in unit/test_api_events and beside it."""
NOTHING: Json = {"responses": {}}
ENDLESS = {"/v1/jobs/{job}/logs": "follow"}
"""Parameters that make a stream of an answer."""

CHECKED = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]


@dataclass(frozen=True, slots=True)
class Target:
    """A daemon with some jobs, and its document."""

    product: Product
    document: Json
    url: str
    known: dict[str, list[str]]

    def token(self) -> str:
        """A new one: it may come about that the last was revoked."""
        made: str = self.product.call("POST", "/v1/tokens", {"name": "questions"})["token"]
        return made


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as directory:
        product = Product(Path(directory) / "s", CONFIG)
        product.start()
        try:
            yield prepared(product)
        finally:
            product.destroy()


def prepared(product: Product) -> Target:
    ended = product.submit("echo hello")
    product.until(ended)
    product.call("POST", f"/v1/nodes/{NODE}", {"state": "drain", "reason": "questions"})
    waiting = product.submit("true")
    array = product.submit("true", array="1-3")
    named = ["first", "second"]
    for name in named:
        product.call("POST", "/api/jobs/", {"entrypoint": "true", "submission_id": name})
    token = product.call("POST", "/v1/tokens", {"name": "spare"})["id"]
    known = {
        "job": [str(ended), str(waiting), str(array), f"{array}_2"],
        "submission": named,
        "token": [token],
    }
    return Target(product, plain(product.call("GET", "/openapi.json")), product.facts["url"], known)


def plain(part: Any) -> Any:
    """Arrays whose entries have a type each (`prefixItems`) as arrays of any of these.

    schemathesis makes lists of them that its own checks do not understand.
    """
    if isinstance(part, list):
        return [plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: plain(one) for name, one in part.items() if name != "prefixItems"}
    return {**made, "items": {"anyOf": plain(part["prefixItems"])}} if "prefixItems" in part else made


Operation = APIOperation[Any, Any, Any, Any]
Question = Case[Any]


def operations(target: Target) -> list[Operation]:
    """What the document tells of, without streams."""
    schema = schemathesis.openapi.from_dict(target.document)
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == sum(len(methods) for methods in target.document["paths"].values())
    return [operation for operation in found if operation.path not in STREAMS]


def at_the_edges(operation: Operation) -> Iterator[Question]:
    """Each value at its limits and just beyond, each one left out, and methods that are not there."""
    schema = operation.schema
    yield from schema.iter_coverage_cases(
        operation,
        generation_modes=list(GenerationMode),
        generation_config=schema.config.generation_for(operation=operation),
    )


def at_random(
    operation: Operation, mode: GenerationMode, count: int, ask: Callable[[Question], None]
) -> None:
    """Ask so many questions, right or wrong ones."""

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Question) -> None:
        ask(case)

    # Of what takes nothing there is no wrong question.
    with contextlib.suppress(Unsatisfiable):
        run()


class Questions:
    """Asks, and keeps what was answered otherwise than the document says."""

    def __init__(self, target: Target) -> None:
        self.findings: dict[str, str] = {}
        self.asked = 0
        self._target = target
        self._session = requests.Session()
        self._known = {name: itertools.cycle([*values, None]) for name, values in target.known.items()}
        self._token = ""

    def begin(self) -> None:
        self._token = self._target.token()

    def ask(self, case: Question) -> None:
        """Of the questions about a job, most are about one that is there."""
        for name in self._known.keys() & case.path_parameters.keys():
            case.path_parameters[name] = next(self._known[name]) or case.path_parameters[name]
        case.query.pop(ENDLESS.get(case.path, ""), None)
        headers = {"Authorization": f"Bearer {self._token}"}
        response = case.call(self._target.url, self._session, headers=headers, timeout=60)
        self.asked += 1
        try:
            case.validate_response(response, checks=CHECKED, headers=headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                what = f"{case.method} {case.path} {response.status_code}: {failure}"
                self.findings.setdefault(what.partition("\n")[0], f"{what}\n{case.as_curl_command()}")


def asked(target: Target, at_most: int, at_random_each: int) -> Questions:
    """All operations, each with up to so many questions at the edges, spread over all there are."""
    questions = Questions(target)
    for operation in operations(target):
        questions.begin()
        edges = list(at_the_edges(operation))
        for case in edges[:: -(-len(edges) // at_most)]:
            questions.ask(case)
        for mode in GenerationMode:
            at_random(operation, mode, at_random_each, questions.ask)
    return questions


@pytest.mark.timeout(600)
def test_every_answer_is_one_that_the_document_tells_of(target: Target) -> None:
    questions = asked(target, at_most=often(20, thorough=40), at_random_each=often(1, thorough=2))
    assert questions.asked > 1000
    assert not questions.findings, "\n\n".join(questions.findings.values())
    assert target.product.running()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_answer_to_very_many_questions_is_one_that_the_document_tells_of(target: Target) -> None:
    questions = asked(target, at_most=2000, at_random_each=40)
    assert not questions.findings, "\n\n".join(questions.findings.values())
    assert target.product.running()


def served() -> set[tuple[str, str]]:
    """Each route of the server: its path and a method."""
    modules = [packages]
    for package in (routes, ray_jobs):
        names = [found.name for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
        modules += [importlib.import_module(name) for name in names]
    found = {("/openapi.json", "get")}
    for module in modules:
        for route in getattr(module, "router", APIRouter()).routes:
            assert isinstance(route, APIRoute | APIWebSocketRoute)
            methods = route.methods if isinstance(route, APIRoute) else {"GET"}
            found |= {(route.path, method.lower()) for method in methods or ()}
    return found


def test_every_route_is_told_of(target: Target) -> None:
    told = {(path, method) for path, methods in target.document["paths"].items() for method in methods}
    assert served() == told
    sockets = {
        path
        for path, methods in target.document["paths"].items()
        if "101" in methods.get("get", NOTHING)["responses"]
    }
    assert sockets == {path for path, what in STREAMS.items() if what == "a WebSocket"}
