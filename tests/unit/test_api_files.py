"""Files over HTTP, served by a real helper process: what a browser is sent, and what it may not be."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from launchyard.api.outputs import JobTerminals
from launchyard.api.shells import Shells
from launchyard.engine.channel import UserHelpers
from launchyard.engine.fake import FakeEngine
from launchyard.engine.files import Files
from launchyard.engine.protocol import Launch
from tests.api_bench import ME, T0, Answer, Bench, FakeUsers, eventually, running
from tests.unit.helper_process import Helpers, Here

NUMBER = "fedcba9876543210" * 2
OCTETS = {"Content-Type": "application/octet-stream"}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class StepsNowhere:
    """An engine under which no step is started: terminals in folders need none."""

    async def step(self, *_: object) -> None:
        raise AssertionError("no step is started here")

    def signal(self, launch_id: str, signal: int, *, main_only: bool = False) -> None: ...


async def no_place(*_: object) -> Launch:
    raise AssertionError("no step is started here")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Bench, Path]]:
    helpers = Helpers()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory, "home")
        home.mkdir()
        acting = UserHelpers(FakeEngine(channel=helpers.channel))
        terminals = JobTerminals(Here(acting, StepsNowhere()), FakeUsers(), no_place)
        shells = Shells(terminals, host="here", keep_s=600.0, clock=lambda: T0)
        more: dict[str, Any] = {"files": Files(acting), "file_roots": (str(home),), "shells": shells}
        with running(Path(directory), **more) as bench:
            yield bench, home
    helpers.end()


@pytest.fixture
def bench(served: tuple[Bench, Path]) -> Bench:
    return served[0]


@pytest.fixture
def home(served: tuple[Bench, Path]) -> Path:
    """Emptied for each test."""
    for path in sorted(served[1].rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return served[1]


def content(bench: Bench, path: Path, more: str = "") -> Answer:
    return bench.ask("GET", f"/v1/files/content?path={quote(str(path))}{more}")


def put(bench: Bench, path: Path, data: bytes, offset: int, size: int, conflict: str = "fail") -> Answer:
    where = f"path={quote(str(path))}&number={NUMBER}&offset={offset}&size={size}&conflict={conflict}"
    return bench.ask("PUT", f"/v1/files/uploads?{where}", raw=data, headers=OCTETS)


def test_folder_is_listed_by_columns(bench: Bench, home: Path) -> None:
    (home / "a.txt").write_text("hello")
    told = bench.ask("GET", "/v1/files").json
    assert (told["path"], told["parent"], told["roots"]) == (str(home), None, [str(home)])
    assert [dict(zip(told["columns"], row, strict=False))["name"] for row in told["rows"]] == ["a.txt"]
    assert told["complete"]
    assert bench.ask("GET", "/v1/files?path=~/nothing").status == 404


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "~/../outside", "~/%2e%2e/outside", "/", "~/a/../../outside"]
)
def test_path_out_of_the_allowed_folders_is_refused(path: str, bench: Bench, home: Path) -> None:
    """Threat 21."""
    (home.parent / "outside").write_text("secret")
    for route in ("", "/about", "/preview", "/content", "/archive"):
        refused = bench.ask("GET", f"/v1/files{route}?path={path}")
        assert refused.status in (403, 404), (route, refused.body)
        assert b"secret" not in refused.body


@pytest.mark.parametrize(
    "name",
    [
        '<img src=x onerror="alert(1)">.txt',
        'a"; filename="evil.html',
        "new\nline: x",
        "\u202egnp.exe",
        "'';--",
    ],
)
def test_name_cannot_break_out_of_where_it_is_shown(name: str, bench: Bench, home: Path) -> None:
    """Threat 23: the answer is JSON or one header line, whatever a name holds."""
    (home / name).write_text("text")
    rows = bench.ask("GET", "/v1/files").json["rows"]
    assert [row[0] for row in rows] == [name]
    answer = content(bench, home / name)
    assert answer.status == 200
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.count('"') == 2
    assert disposition.count(";") == 2
    assert not set("<>\r\n") & set(disposition)
    missing = bench.ask("GET", f"/v1/files/about?path={quote(str(home / (name + 'x')))}")
    assert "\n" not in missing.sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("picture.SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        ("fake.png", b"<html><script>alert(1)</script>"),
        ("paper.pdf", b"%PDF-1.7 /JavaScript"),
        ("book.ipynb", b'{"cells": [{"outputs": [{"data": {"text/html": "<script>"}}]}]}'),
        ("data.xml", b'<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/xhtml"/>'),
    ],
)
@pytest.mark.parametrize("more", ["", "&view=1"])
def test_active_content_is_only_ever_downloaded(
    name: str, data: bytes, more: str, bench: Bench, home: Path
) -> None:
    """Threat 24: by what is in it, whatever its name says."""
    (home / name).write_bytes(data)
    answer = content(bench, home / name, more)
    assert answer.body == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_picture_is_shown_as_one_and_runs_nothing(bench: Bench, home: Path) -> None:
    (home / "a.bin").write_bytes(PNG)
    answer = content(bench, home / "a.bin", "&view=1")
    assert answer.headers["content-type"] == "image/png"
    assert "content-disposition" not in answer.headers
    assert "sandbox" in answer.headers["content-security-policy"]
    assert bench.ask("GET", "/v1/files/preview?path=~/a.bin").json["kind"] == "image"


def test_text_is_previewed_edited_and_saved(bench: Bench, home: Path) -> None:
    (home / "a.py").write_text("print('ü')\n")
    shown = bench.ask("GET", "/v1/files/preview?path=~/a.py").json
    assert (shown["kind"], shown["text"], shown["editable"]) == ("text", "print('ü')\n", True)
    body = {"path": "~/a.py", "text": "new", "version": shown["version"]}
    assert bench.ask("PUT", "/v1/files/text", body).status == 200
    again = bench.ask("PUT", "/v1/files/text", body)
    assert (again.status, again.json["code"]) == (409, "changed")
    assert (home / "a.py").read_text() == "new"


def test_letter_that_is_cut_at_the_end_of_a_preview_does_no_harm(bench: Bench, home: Path) -> None:
    (home / "long").write_text("x" + "ü" * 200_000)
    shown = bench.ask("GET", "/v1/files/preview?path=~/long").json
    assert (shown["kind"], shown["truncated"]) == ("text", True)
    (home / "binary").write_bytes(b"\0\1\2")
    assert bench.ask("GET", "/v1/files/preview?path=~/binary").json["kind"] == "binary"


def test_folders_are_made_moved_and_deleted(bench: Bench, home: Path) -> None:
    assert bench.ask("POST", "/v1/files/folders", {"path": "~/a"}).status == 201
    assert bench.ask("POST", "/v1/files/folders", {"path": "~/a"}).json["code"] == "exists"
    moved = bench.ask("POST", "/v1/files/move", {"path": "~/a", "to": "~/b"})
    assert moved.json["path"] == str(home / "b")
    deleted = bench.ask("POST", "/v1/files/delete", {"paths": ["~/b", "~/nothing"]}).json
    assert deleted["removed"] == [str(home / "b")]
    assert "there is no" in deleted["failed"][0]["error"]
    refused = bench.ask("POST", "/v1/files/delete", {"paths": ["~"]}).json
    assert home.exists()
    assert refused["failed"]


def test_upload_in_pieces_with_an_interruption(bench: Bench, home: Path) -> None:
    data = bytes(range(256)) * 12_000
    assert put(bench, home / "d", data[:1_500_000], 0, len(data)).json["complete"] is False
    state = bench.ask("GET", f"/v1/files/uploads?path=~/d&number={NUMBER}").json
    assert state == {"received": 1_500_000, "there": None}
    assert put(bench, home / "d", data[:5], 0, len(data)).status == 409
    assert put(bench, home / "d", data[1_500_000:], 1_500_000, len(data)).json["complete"] is True
    assert (home / "d").read_bytes() == data
    assert put(bench, home / "d", b"other", 0, 5).json["code"] == "exists"
    kept = put(bench, home / "d", b"", 5, 5, "keep").json
    assert (kept["path"], kept["complete"]) == (str(home / "d (1)"), True)


def test_other_users_open_their_own_files_alone(bench: Bench, home: Path) -> None:
    if ME != 0:
        pytest.skip("needs root")
    (home / "mine").write_text("secret")
    (home / "mine").chmod(0o600)
    for asked in ("/v1/files/preview?path=~/mine", "/v1/files/content?path=~/mine"):
        refused = bench.ask("GET", asked, user="ada")
        assert refused.status in (403, 404)
        assert b"secret" not in refused.body


def dial(bench: Bench, id: str, user: str = "root") -> ClientConnection:
    headers = {"Authorization": f"Bearer {bench.secrets[user]}"}
    url = f"ws://127.0.0.1:{bench.port}/v1/terminals/{id}"
    return connect(url, additional_headers=headers, open_timeout=60)


def until_shown(socket: ClientConnection, words: bytes) -> bytes:
    shown = b""
    while words not in shown:
        data = socket.recv(30)
        assert isinstance(data, bytes), data
        shown += data
    return shown


def last_text(socket: ClientConnection) -> Any:
    """What the server says last, when it has closed."""
    said = None
    try:
        while True:
            message = socket.recv(30)
            said = message if isinstance(message, str) else said
    except ConnectionClosed:
        return None if said is None else json.loads(said)


@pytest.mark.root
def test_terminal_in_a_folder_survives_its_browser(bench: Bench, home: Path) -> None:
    (home / "work").mkdir()
    opened = bench.ask("POST", "/v1/terminals", {"path": "~/work"}).json
    assert (opened["host"], opened["path"], opened["watched"]) == ("here", str(home / "work"), False)
    with dial(bench, opened["id"]) as socket:
        socket.send(json.dumps({"rows": 30, "cols": 100}))
        socket.send(b"pwd; stty size; echo first-$((40+2))\n")
        shown = until_shown(socket, b"first-42")
        assert str(home / "work").encode() in shown
    eventually(lambda: not bench.ask("GET", "/v1/terminals").json["terminals"][0]["watched"])
    with dial(bench, opened["id"]) as socket:
        assert b"first-42" in until_shown(socket, b"first-42")
        socket.send(b"exit 3\n")
        assert last_text(socket) == {"exit_code": 3, "signal": None}
    eventually(lambda: bench.ask("GET", "/v1/terminals").json["terminals"] == [])


@pytest.mark.root
def test_terminal_is_its_owners_alone_and_is_hung_up_when_closed(bench: Bench, home: Path) -> None:
    opened = bench.ask("POST", "/v1/terminals", {"path": "~"}).json
    with pytest.raises(InvalidStatus) as refused:
        dial(bench, opened["id"], "ada")
    assert refused.value.response.status_code == 404
    assert bench.ask("GET", "/v1/terminals", user="ada").json["terminals"] == []
    assert bench.ask("DELETE", f"/v1/terminals/{opened['id']}", user="ada").status == 404
    with dial(bench, opened["id"]) as socket:
        socket.send(b"yes\n")
        until_shown(socket, b"y\r\ny\r\n")
        assert bench.ask("DELETE", f"/v1/terminals/{opened['id']}").status == 200
        last_text(socket)
    assert bench.ask("GET", "/v1/terminals").json["terminals"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"path": "/etc"}, "leads out of"),
        ({"path": "~/nothing"}, "there is no"),
        ({"path": "~", "job": 5}, "leave out"),
        ({"rows": 0}, "not possible"),
        ({"job": 999}, "no job"),
    ],
)
def test_terminal_that_cannot_be_opened_says_why(
    body: dict[str, object], sentence: str, bench: Bench, home: Path
) -> None:
    assert sentence in bench.ask("POST", "/v1/terminals", body).sentence
    assert bench.ask("GET", "/v1/terminals").json["terminals"] == []
