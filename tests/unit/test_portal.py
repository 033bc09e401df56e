"""The built front end as it is served: which addresses are its, and what its answers carry."""

import asyncio
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from launchyard.portal.serve import Portal

INDEX = '<!doctype html><head><meta nonce="LAUNCHYARD_NONCE"><title>Launchyard</title></head>'
PLACES = {
    "/": ["assets/home.js"],
    "/jobs": ["assets/jobs.js", "assets/jobs.css"],
    "/jobs/$job": ["assets/job.js"],
    "/files/$": ["assets/files.js"],
}
SCRIPT = b"export const answer = 42;\n"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "theme.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "main-1f2e.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "main-1f2e.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "source.sha256").write_text("0")
    (tmp_path / "places.json").write_text(json.dumps(PLACES))
    return tmp_path


def portal(directory: Path, *, ours: bool = True) -> Portal:
    return Portal(lambda scope: ours, reserved=("/ray",), directory=directory)


def scope(path: str, method: str = "GET", **headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": raw}


def get(served: Portal, asked: Scope) -> Answer:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(served(asked, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]))


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/17", "/login", "/files/a/b.txt"])
def test_a_browser_that_goes_to_a_place_gets_the_page(built: Path, path: str) -> None:
    asked = scope(path, accept="text/html,application/xhtml+xml")
    assert portal(built).serves(asked)
    assert get(portal(built), asked).body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "path", ["/v1/jobs", "/v1", "/api/jobs/", "/session/17/", "/openapi.json", "/ray/api"]
)
def test_what_others_answer_is_left_to_them_even_for_browsers(built: Path, path: str) -> None:
    assert not portal(built).serves(scope(path, accept="text/html"))


def test_a_program_that_asks_for_what_is_not_there_hears_it_from_the_api(built: Path) -> None:
    assert not portal(built).serves(scope("/jobs", accept="*/*"))
    assert not portal(built).serves(scope("/jobs", "POST", accept="text/html"))
    assert not portal(built).serves({"type": "websocket", "path": "/", "headers": []})


def test_nothing_is_served_under_a_name_that_is_not_ours(built: Path) -> None:
    assert not portal(built, ours=False).serves(scope("/", accept="text/html"))
    assert not portal(built, ours=False).serves(scope("/assets/main-1f2e.js"))


def test_only_files_that_were_built_are_files(built: Path) -> None:
    served = portal(built)
    names = (
        "/assets/../index.html",
        "/assets/%2e%2e/x.js",
        "/source.sha256",
        "/places.json",
        "/index.html",
        "/assets/main-1f2e.js.gz",
    )
    assert [name for name in names if served.serves(scope(name))] == []


def test_each_answer_has_a_nonce_of_its_own_and_a_strict_policy(built: Path) -> None:
    served = portal(built)
    first, second = (get(served, scope("/")) for _ in range(2))
    policy = first.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'nonce="{nonce}"' in first.body.decode()
    assert nonce not in second.body.decode()
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "*" not in policy.replace("http://*.localhost:*", "").replace("https://*.localhost:*", "")
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("/", ["home.js"]),
        ("/jobs", ["jobs.js", "jobs.css"]),
        ("/jobs/17", ["job.js"]),
        ("/jobs/17/log", []),
        ("/files/home/ada", ["files.js"]),
        ("/files", []),
        ("/elsewhere", []),
    ],
)
def test_the_page_names_what_is_needed_at_its_address(built: Path, path: str, files: list[str]) -> None:
    body = get(portal(built), scope(path, accept="text/html")).body.decode()
    assert re.findall(r'href="/assets/([^"]+)"', body) == files
    assert body.index("</title>") < body.index("</head>")


def test_sessions_may_be_shown_at_the_names_that_the_site_gives_them(built: Path) -> None:
    served = Portal(lambda scope: True, hosts={"yard.example", "*.yard.example"}, directory=built)
    policy = get(served, scope("/")).headers["content-security-policy"]
    assert "frame-src 'self' http://*.localhost:* https://*.localhost:* http://*.yard.example:*" in policy
    assert "//yard.example" not in policy


def test_a_hashed_file_is_kept_for_ever_and_sent_compressed_to_who_takes_it(built: Path) -> None:
    served = portal(built)
    packed = get(served, scope("/assets/main-1f2e.js", accept_encoding="gzip, br"))
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == SCRIPT
    assert "immutable" in packed.headers["cache-control"]
    assert get(served, scope("/assets/main-1f2e.js")).body == SCRIPT
    assert "immutable" not in get(served, scope("/theme.js")).headers["cache-control"]


def test_head_answers_without_a_body(built: Path) -> None:
    answer = get(portal(built), scope("/", "HEAD"))
    assert (answer.status, answer.body) == (200, b"")


def test_a_portal_that_is_built_again_is_served_without_a_restart(built: Path) -> None:
    served = portal(built)
    (built / "assets" / "main-1f2e.js").rename(built / "assets" / "main-9a9a.js")
    assert get(served, scope("/assets/main-1f2e.js")).status == 404
    index = built / "index.html"
    index.write_text(INDEX.replace("Launchyard", "Launchyard again"))
    assert b"again" in get(served, scope("/")).body
    assert served.serves(scope("/assets/main-9a9a.js"))


def test_a_clone_without_a_build_says_how_to_build(tmp_path: Path) -> None:
    answer = get(portal(tmp_path / "none"), scope("/"))
    assert answer.status == 503
    assert b"make web" in answer.body
