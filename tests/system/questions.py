"""Questions to the API made from its document by schemathesis, and answers that are not as the document says.

The edges of every value, and values at random, right ones and wrong ones. The one node takes no work
meanwhile, so nothing that is submitted here ever runs.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.system.product import Asking, Json, Product

NODE = "takes-no-work-7c1f"
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
    """A daemon with some jobs, its document, and who asks."""

    product: Product
    document: Json
    known: dict[str, list[str]]
    token: Callable[[], str]
    """A new one, as it may come about that the last was revoked; empty: nobody known."""


def prepared(product: Product, who: Asking, token: Callable[[], str], ended: int) -> Target:
    """Jobs of `who`, of whom this one has ended. The node takes no work any more."""
    waiting = who.submit("true")
    array = who.submit("true", array="1-3")
    named = [f"first-{waiting}", f"second-{waiting}"]
    for name in named:
        who.call("POST", "/api/jobs/", {"entrypoint": "true", "submission_id": name})
    spare = who.call("POST", "/v1/tokens", {"name": "spare"})["id"]
    known = {
        "job": [str(ended), str(waiting), str(array), f"{array}_2"],
        "submission": named,
        "token": [spare],
    }
    return Target(product, plain(product.call("GET", "/openapi.json")), known, token)


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
        """With the same token, unless that was revoked meanwhile."""
        if (
            not self._token
            or self._session.get(f"{self._url}/v1/me", headers=self._headers).status_code == 401
        ):
            self._token = self._target.token()

    @property
    def _url(self) -> str:
        return str(self._target.product.facts["url"])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def ask(self, case: Question) -> None:
        """Of the questions about a job, most are about one that is there."""
        for name in self._known.keys() & case.path_parameters.keys():
            case.path_parameters[name] = next(self._known[name]) or case.path_parameters[name]
        case.query.pop(ENDLESS.get(case.path, ""), None)
        headers = self._headers
        response = case.call(self._url, self._session, headers=headers, timeout=60)
        self.asked += 1
        try:
            case.validate_response(response, checks=CHECKED, headers=headers)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                what = f"{case.method} {case.path} {response.status_code}: {failure}"
                self.findings.setdefault(what.partition("\n")[0], f"{what}\n{case.as_curl_command()}")


def asked(
    target: Target, at_most: int, at_random_each: int, modes: Sequence[GenerationMode] = tuple(GenerationMode)
) -> Questions:
    """All operations, each with up to so many questions at the edges, spread over all there are."""
    questions = Questions(target)
    for operation in operations(target):
        questions.begin()
        edges = list(at_the_edges(operation)) if at_most else []
        for case in edges[:: max(1, -(-len(edges) // max(1, at_most)))]:
            questions.ask(case)
        for mode in modes:
            at_random(operation, mode, at_random_each, questions.ask)
    return questions
