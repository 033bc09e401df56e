"""Files and terminals of two users, served by one daemon of root's: each its own (threats 10, 21, 22)."""

import json
import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.product import Json, Product, let_others_in, wait_for
from tests.system.test_two_users import ADA, CONFIG, LI, asked, made_users

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as two users"),
]
NUMBER = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    made_users()
    directory = tmp_path_factory.mktemp("files")
    let_others_in(directory)
    product = Product(directory / "state", CONFIG)
    product.start()
    yield product
    product.destroy()


@pytest.fixture
def home(served: Product) -> Iterator[Path]:
    """A folder of ada's in her home, removed afterwards by herself."""
    path = Path(pwd.getpwnam(ADA).pw_dir, "files-test")
    shutil.rmtree(path, ignore_errors=True)  # of a run that was cut off
    status, answer = asked(served, ADA, "POST", "/v1/files/folders", {"path": "~/files-test"})
    assert status == 201, answer
    yield path
    asked(served, ADA, "POST", "/v1/files/delete", {"paths": ["~/files-test"]})
    assert not path.exists()


def save(served: Product, user: str, path: str, text: str) -> tuple[int, Json]:
    return asked(served, user, "PUT", "/v1/files/text", {"path": path, "text": text})


def test_what_is_written_belongs_to_who_wrote_it(served: Product, home: Path) -> None:
    status, answer = save(served, ADA, "~/files-test/a.txt", "hello")
    assert status == 200, answer
    found = (home / "a.txt").stat()
    assert (found.st_uid, found.st_gid) == (pwd.getpwnam(ADA).pw_uid, pwd.getpwnam(ADA).pw_gid)
    _, shown = asked(served, ADA, "GET", "/v1/files/preview?path=~/files-test/a.txt")
    assert shown["text"] == "hello"


@pytest.mark.parametrize("route", ["", "/about", "/preview", "/content", "/archive"])
def test_nobody_reads_what_is_anothers(served: Product, home: Path, route: str) -> None:
    save(served, ADA, "~/files-test/a.txt", "her secret")
    for path in (f"{home}/a.txt", str(home), f"~/../{ADA}/files-test/a.txt"):
        status, answer = asked(served, LI, "GET", f"/v1/files{route}?path={path}")
        assert status in (403, 404), answer
        assert "her secret" not in str(answer)


def test_nobody_writes_where_another_does(served: Product, home: Path) -> None:
    save(served, ADA, "~/files-test/a.txt", "hers")
    for method, path, body in (
        ("PUT", "/v1/files/text", {"path": f"{home}/b.txt", "text": "x"}),
        ("POST", "/v1/files/folders", {"path": f"{home}/b"}),
        ("POST", "/v1/files/move", {"path": f"{home}/a.txt", "to": f"{home}/b"}),
        ("PUT", f"/v1/files/uploads?path={home}/b&number={NUMBER}&offset=0&size=0", None),
    ):
        status, answer = asked(served, LI, method, path, body)
        assert status in (403, 404), answer
    _, answer = asked(served, LI, "POST", "/v1/files/delete", {"paths": [f"{home}/a.txt"]})
    assert answer["removed"] == []
    assert [path.name for path in home.iterdir()] == ["a.txt"]


def test_terminal_is_its_users_and_nobody_elses(served: Product, home: Path) -> None:
    status, opened = asked(served, ADA, "POST", "/v1/terminals", {"path": "~/files-test"})
    assert status == 201, opened
    uid = pwd.getpwnam(ADA).pw_uid
    shell = wait_for(lambda: _shell_in(home), 60, "the shell is there", 0.1)
    ids = [
        line.split()[1:] for line in (shell / "status").read_text().splitlines() if line.startswith("Uid:")
    ]
    assert ids == [[str(uid)] * 4]
    assert asked(served, LI, "GET", "/v1/terminals")[1]["terminals"] == []
    assert asked(served, LI, "DELETE", f"/v1/terminals/{opened['id']}")[0] == 404
    assert asked(served, ADA, "DELETE", f"/v1/terminals/{opened['id']}")[0] == 200
    wait_for(lambda: _shell_in(home) is None, 60, "the shell is gone", 0.1)
    assert json.dumps(asked(served, ADA, "GET", "/v1/terminals")[1]) == '{"terminals": []}'


def _shell_in(folder: Path) -> Path | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                return process
        except OSError:
            continue
    return None
