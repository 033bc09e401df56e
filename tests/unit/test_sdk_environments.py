"""Runtime environments: what is here is sent once, in parts that go on after a lost connection."""

import email
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.model.errors import Invalid
from launchyard.sdk import uploads
from launchyard.sdk.client import Client
from launchyard.sdk.environments import prepared, requirement_lines
from launchyard.sdk.packages import Known
from launchyard.sdk.uploads import Progress
from tests.unit.canned_server import CannedServer, canned_server, job_json
from tests.unit.package_shelf import Shelf

OLD_NS = 1_700_000_000_000_000_000


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def server(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[CannedServer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with canned_server(tmp_path / "state") as canned:
        canned.answers = shelf
        yield canned


@pytest.fixture
def client(server: CannedServer) -> Iterator[Client]:
    with Client(state=str(server.state)) as connected:
        yield connected


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A directory with a program and 100 KB that do not shrink."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "main.py").write_text("print(1)")
    (work / "noise").write_bytes(os.urandom(100_000))
    for path in (work / "main.py", work / "noise"):
        os.utime(path, ns=(OLD_NS, OLD_NS))
    return work


def members(shelf: Shelf, uri: str) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(shelf.kept[uri.removeprefix("package://")])).namelist()


def test_a_directory_is_sent_and_named_by_its_content(client: Client, shelf: Shelf, work: Path) -> None:
    told: list[Progress] = []
    made = client.prepare({"working_dir": str(work), "env_vars": {"A": "1"}, "mine": 3}, told.append)
    assert made == {
        "working_dir": f"package://{next(iter(shelf.complete))}",
        "env_vars": {"A": "1"},
        "mine": 3,
    }
    assert members(shelf, made["working_dir"]) == ["main.py", "noise"]
    assert (told[0].sent, told[-1].sent, told[-1].files) == (0, told[-1].size, 2)


def test_what_the_server_has_is_not_sent_again(client: Client, server: CannedServer, work: Path) -> None:
    first = client.prepare({"working_dir": str(work)})
    server.asked.clear()
    assert client.prepare({"working_dir": str(work)}) == first
    assert [asked.method for asked in server.asked] == ["GET"]


def test_what_the_server_has_lost_is_sent_again(client: Client, shelf: Shelf, work: Path) -> None:
    first = client.prepare({"working_dir": str(work)})
    shelf.kept.clear()
    shelf.complete.clear()
    assert client.prepare({"working_dir": str(work)}) == first
    assert len(shelf.complete) == 1


def test_a_lost_connection_is_gone_on_from_where_it_stopped(
    client: Client, server: CannedServer, shelf: Shelf, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 40_000)
    shelf.cuts = 3
    client.prepare({"working_dir": str(work)})
    assert len(shelf.complete) == 1
    sent = sum(len(asked.body) for asked in server.asked if asked.method == "PUT")
    assert sent < 1.8 * len(next(iter(shelf.kept.values())))


def test_an_upload_that_was_cut_off_at_its_very_end_is_sent_anew(
    client: Client, shelf: Shelf, work: Path
) -> None:
    uri = client.prepare({"working_dir": str(work)})["working_dir"]
    shelf.complete.clear()
    client.transport.patience_s = 0.3
    assert client.prepare({"working_dir": str(work)})["working_dir"] == uri
    assert len(shelf.complete) == 1


def test_several_packages_are_sent_together(client: Client, shelf: Shelf, work: Path) -> None:
    (work / "lib").mkdir()
    (work / "lib/__init__.py").write_text("")
    one = work / "one.py"
    one.write_text("x = 1")
    asked = {"working_dir": work, "py_modules": [work / "lib", str(one), "gcs://there.zip", email]}
    made = client.prepare({**asked, "excludes": ["noise", "lib/"]})
    assert members(shelf, made["working_dir"]) == ["main.py", "one.py"]
    assert members(shelf, made["py_modules"][0]) == ["lib/__init__.py"]
    assert members(shelf, made["py_modules"][1]) == ["one.py"]
    assert made["py_modules"][2] == "gcs://there.zip"
    assert "email/message.py" in members(shelf, made["py_modules"][3])


def test_an_archive_is_sent_as_it_is(client: Client, shelf: Shelf, tmp_path: Path) -> None:
    archive = tmp_path / "work.tar.gz"
    archive.write_bytes(b"an archive")
    made = client.prepare({"working_dir": str(archive)})
    assert made["working_dir"].endswith(".tar.gz")
    assert shelf.kept == {made["working_dir"].removeprefix("package://"): b"an archive"}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a-1.0-py3-none-any.whl", "a-1.0-0{}-py3-none-any.whl"),
        ("a-1.0-7-py3-none-any.whl", "a-1.0-7_{}-py3-none-any.whl"),
    ],
)
def test_a_wheel_keeps_a_name_that_installers_read(
    client: Client, server: CannedServer, shelf: Shelf, tmp_path: Path, name: str, sent: str
) -> None:
    (tmp_path / name).write_bytes(b"a wheel")
    made = client.prepare({"py_modules": [str(tmp_path / name)]})
    expected = sent.format(hashlib.sha256(b"a wheel").hexdigest())
    assert made == {"py_modules": [f"gcs://{expected}"]}
    assert shelf.kept == {expected: b"a wheel"}
    server.asked.clear()
    assert client.prepare({"py_modules": [str(tmp_path / name)]}) == made
    assert [asked.method for asked in server.asked] == ["GET"]


def test_a_wheel_without_a_name_is_refused(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"")
    with pytest.raises(Invalid, match="is no name of a wheel"):
        client.prepare({"py_modules": [str(tmp_path / "a.whl")]})


@pytest.mark.parametrize("uri", ["https://host/x.zip", "s3://b/x.zip", "gcs://x.zip", "local:///data"])
def test_a_uri_stays_as_it_is_and_nothing_is_asked(client: Client, server: CannedServer, uri: str) -> None:
    assert client.prepare({"working_dir": uri}) == {"working_dir": uri}
    assert server.asked == []


def test_requirements_are_read_with_the_files_that_they_name(client: Client, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "requirements.txt").write_text("# why\nrequests>=2 # web\n\n-r sub/more.txt\nx \\\n  ; y\n")
    (tmp_path / "sub/more.txt").write_text("--requirement=least.txt\n-c ${HERE}/c.txt\n")
    (tmp_path / "sub/least.txt").write_text("numpy\n")
    lines = ["requests>=2", "numpy", "-c ${HERE}/c.txt", "x    ; y"]
    path = str(tmp_path / "requirements.txt")
    assert client.prepare({"pip": path}) == {"pip": lines}
    assert client.prepare({"uv": {"packages": path, "uv_check": True}}) == {
        "uv": {"packages": lines, "uv_check": True}
    }


def test_a_conda_file_is_read_and_a_name_stays(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    path.write_text(json.dumps({"dependencies": ["python=3.12"]}))
    assert client.prepare({"conda": str(path)}) == {"conda": {"dependencies": ["python=3.12"]}}
    assert client.prepare({"conda": "base"}) == {"conda": "base"}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            {"working_dir": "/not/there"},
            'working_dir "/not/there" is not there; name a directory, or an arch',
        ),
        ({"working_dir": "/etc/hostname"}, "is no archive; name a directory"),
        ({"working_dir": 3}, "give a path or a URI"),
        ({"py_modules": "lib"}, "give a list of directories"),
        (
            {"py_modules": ["/etc/hostname"]},
            "is no module; name a package's directory, a .py file or a wheel",
        ),
        ({"pip": "/not/there.txt"}, 'the requirements file "/not/there.txt" of pip cannot be read: No such'),
        ({"conda": "/not/there.json"}, "cannot be read: No such file"),
        ({"working_dir": "/usr/lib/os-release", "excludes": "x"}, "excludes is"),
    ],
)
def test_what_cannot_be_sent_is_said_in_a_sentence(
    client: Client, asked: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        client.prepare(asked)


def test_a_requirements_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("-r r.txt")
    with pytest.raises(Invalid, match="includes itself"):
        requirement_lines(str(path))


def test_a_job_is_submitted_with_what_was_sent(client: Client, server: CannedServer, work: Path) -> None:
    server.answers["POST", "/v1/jobs"] = job_json()
    client.submit(
        "python main.py",
        runtime_env={"working_dir": str(work), "pip": ["requests"]},
        resources={"cpus": 2, "memory_mib": 100},
        name="x",
    )
    body = server.asked[-1].body
    assert body["runtime_env"]["working_dir"].startswith("package://")
    assert body["runtime_env"]["pip"] == ["requests"]
    assert body["resources"] == {"cpus": 2, "memory_mib": 100}
    with pytest.raises(Invalid, match="resources has no 'cpu'; did you mean cpus"):
        client.submit("true", resources={"cpu": 2})


def test_the_cache_may_be_anywhere(client: Client, work: Path, tmp_path: Path) -> None:
    known = Known(tmp_path / "elsewhere/known.json")
    prepared(client.transport, {"working_dir": str(work)}, known=known)
    assert (tmp_path / "elsewhere/known.json").exists()
