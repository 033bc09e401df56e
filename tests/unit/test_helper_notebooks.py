"""Notebooks as a helper finds them, with a Jupyter that answers on a unix socket as the real one does."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any, ClassVar

import pytest

from launchyard.helper.notebooks import notebooks, one_notebook

CELLS = [{"cell_type": "code", "source": "import json, nothing_like_it\nx = 1", "outputs": [{"a": "b" * 99}]}]


def written(path: Path, *, at: float = 1000.0, kernel: str = "python3", cells: Any = CELLS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    path.write_text(json.dumps({"cells": cells, "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))
    os.utime(path, (at, at))
    return path


def order(root: Path, **more: Any) -> dict[str, Any]:
    asked = {"root": str(root), "prefix": None, "target": None, "silent": "it does not run", "base": "/s/"}
    return {"t": "notebooks", "id": "1", **asked, "headers": {}, "workspace": "launchyard-7", **more}


class Answers(BaseHTTPRequestHandler):
    """What Jupyter says, by path; anything else is not there."""

    said: ClassVar[dict[str, Any]]
    seen: ClassVar[list[tuple[str, str | None]]]

    def do_GET(self) -> None:
        type(self).seen.append((self.path, self.headers["Authorization"]))
        body = json.dumps(self.said.get(self.path)).encode()
        self.send_response(200 if self.path in self.said else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Path]:
    """A socket, behind which it is."""
    Answers.said, Answers.seen = {}, []
    path = tmp_path / "j.sock"
    with ThreadingUnixStreamServer(str(path), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def opened(path: str, kernel: str = "python3", active: float = 0.0) -> dict[str, Any]:
    at = datetime.fromtimestamp(active, UTC).isoformat().replace("+00:00", "Z")
    return {"path": path, "kernel": {"name": kernel, "execution_state": "idle", "last_activity": at}}


def test_notebooks_are_listed_by_their_last_edit_and_environments_not_entered(tmp_path: Path) -> None:
    written(tmp_path / "old.ipynb", at=1000)
    written(tmp_path / "a/new.ipynb", at=2000)
    written(tmp_path / ".ipynb_checkpoints/old-checkpoint.ipynb")
    written(tmp_path / "venv/lib/x.ipynb")
    (tmp_path / "venv/pyvenv.cfg").touch()
    said = notebooks(order(tmp_path))
    assert [one["path"] for one in said["notebooks"]] == [f"{tmp_path}/a/new.ipynb", f"{tmp_path}/old.ipynb"]
    assert (said["whole"], said["silent"]) == (True, "it does not run")


def test_what_a_run_wrote_is_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "a-7.ipynb")
    told = json.loads(path.read_text())
    told["metadata"]["papermill"] = {"version": "2"}
    path.write_text(json.dumps(told, indent=1, sort_keys=True))
    assert [one["made"] for one in notebooks(order(tmp_path))["notebooks"]] == [True]


def test_one_that_ran_after_it_was_saved_is_told_apart(tmp_path: Path, jupyter: Path) -> None:
    root = tmp_path / "home"
    written(root / "a.ipynb", at=1000)
    written(root / "b.ipynb", at=1000)
    Answers.said = {"/s/api/sessions": [opened("a.ipynb", active=1100), opened("b.ipynb", active=900)]}
    target = {"unix": str(jupyter)}
    said = notebooks(order(root, target=target, headers={"Authorization": "token t"}))
    facts = {Path(one["path"]).name: one for one in said["notebooks"]}
    assert (facts["a.ipynb"]["ran_since"], facts["b.ipynb"]["ran_since"]) == (True, False)
    assert (facts["a.ipynb"]["open"], facts["a.ipynb"]["page"]) == (True, None)
    assert Answers.seen[0] == ("/s/api/sessions", "token t")


def test_what_the_page_says_of_unsaved_notebooks_is_heard(tmp_path: Path, jupyter: Path) -> None:
    root = tmp_path / "home"
    written(root / "a.ipynb")
    written(root / "b.ipynb")
    written(root / "c.ipynb")
    Answers.said = {
        "/s/api/sessions": [],
        "/s/lab/api/workspaces/launchyard-7": {
            "data": {
                "launchyard:unsaved": {
                    "at": 2_000_000,
                    "paths": ["a.ipynb"],
                    "opened": ["a.ipynb", "b.ipynb"],
                }
            }
        },
    }
    said = notebooks(order(root, target={"unix": str(jupyter)}))
    pages = {Path(one["path"]).name: one["page"] for one in said["notebooks"]}
    assert pages == {
        "a.ipynb": {"at": 2000, "unsaved": True},
        "b.ipynb": {"at": 2000, "unsaved": False},
        "c.ipynb": None,
    }


def test_a_jupyter_that_is_gone_is_said(tmp_path: Path) -> None:
    written(tmp_path / "a.ipynb")
    said = notebooks(order(tmp_path, target={"unix": str(tmp_path / "no.sock")}))
    assert said["silent"].startswith("it does not answer")
    assert len(said["notebooks"]) == 1


def test_the_kernel_of_a_notebook_is_the_one_that_it_has_now(tmp_path: Path, jupyter: Path) -> None:
    root = tmp_path / "home"
    written(root / "a.ipynb", kernel="python3")
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher"],
        "display_name": "Mine",
        "language": "python",
    }
    Answers.said = {
        "/s/api/sessions": [opened("a.ipynb", kernel="mine")],
        "/s/api/kernelspecs": {"default": "python3", "kernelspecs": {"mine": {"name": "mine", "spec": spec}}},
    }
    said = one_notebook(order(root, target={"unix": str(jupyter)}, path="a.ipynb"))
    assert (said["kernel"]["name"], said["kernel"]["title"], said["kernel"]["own"]) == ("mine", "Mine", False)
    assert said["missing"] == ["nothing_like_it"]
    assert {"pytest"} <= {one["name"] for one in said["packages"]}
    assert "bbb" not in said["text"]


def test_after_the_session_its_own_kernel_is_still_known_by_name(tmp_path: Path) -> None:
    written(tmp_path / "a.ipynb")
    said = one_notebook(order(tmp_path, prefix=f"{tmp_path}/gone", path="a.ipynb"))
    assert (said["kernel"]["own"], said["kernel"]["spec"]["argv"][0]) == (True, "python")
    assert (said["packages"], said["unread"]) == (None, "they are gone with the session")


def test_a_kernel_that_is_nowhere_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    written(tmp_path / "a.ipynb", kernel="julia-9")
    said = one_notebook(order(tmp_path, prefix=f"{tmp_path}/gone", path="a.ipynb"))
    assert said["kernel"]["spec"] is None
    assert "python3" in said["kernel"]["known"]


def test_what_is_no_notebook_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{")
    assert "no notebook" in one_notebook(order(tmp_path, path="a.ipynb"))["invalid"]
