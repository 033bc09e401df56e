"""The OpenAPI document is true: whatever is asked by it is answered as it says, and never by a 500."""

import importlib
import pkgutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute

from launchyard.api import packages, ray_jobs, routes
from tests.often import often
from tests.system.product import Product
from tests.system.questions import NODE, NOTHING, STREAMS, Target, asked, prepared

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


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as directory:
        product = Product(Path(directory) / "s", CONFIG)
        product.start()
        try:
            ended = product.submit("echo hello")
            product.until(ended)
            product.call("POST", f"/v1/nodes/{NODE}", {"state": "drain", "reason": "questions"})
            yield prepared(product, product, lambda: token(product), ended)
        finally:
            product.destroy()


def token(product: Product) -> str:
    made: str = product.call("POST", "/v1/tokens", {"name": "questions"})["token"]
    return made


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
