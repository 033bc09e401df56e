"""Notebooks of a session through the real daemon and command, with a stub that answers as Jupyter does.

What papermill and JupyterLab themselves do is tried in tests/browser/test_notebooks.py.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, Product, Refused, wait_for
from tests.system.sessionapps import app

STUB = """
import http.server, json, os, socketserver
PREFIX = os.environ["LAUNCHYARD_SESSION_PREFIX"]
KERNEL = {"name": "mine", "execution_state": "idle", "last_activity": "2100-01-01T00:00:00Z"}
SPEC = {"argv": [os.environ["PYTHON_OF_TEST"], "-m", "x"], "display_name": "Mine", "language": "python"}
SAID = {
    "/api/sessions": [{"path": "open.ipynb", "kernel": KERNEL}],
    "/api/kernelspecs": {"default": "mine", "kernelspecs": {"mine": {"name": "mine", "spec": SPEC}}},
    "/": {},
}
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = SAID.get(self.path.removeprefix(PREFIX) or "/")
        body = json.dumps(said).encode()
        self.send_response(404 if said is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "socket"
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass
Server(os.environ["LAUNCHYARD_SESSION_SOCKET"], Answers).serve_forever()
"""


def written(path: Path, kernel: str) -> None:
    cell = {"cell_type": "code", "source": "lr = 0.1", "metadata": {"tags": ["parameters"]}, "outputs": []}
    spec = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": spec, "nbformat": 4, "nbformat_minor": 5}))
    os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks")
    written(folder / "open.ipynb", "python3")
    written(folder / "closed.ipynb", "mine")
    written(folder / "strange.ipynb", "nobody-has-it")
    return folder


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("batch")
    start = f'umask 077\nexec {sys.executable} -I -S "$LAUNCHYARD_APP_DIR/serve.py"\n'
    app(folder / "apps", "jupyter-stub", start, serve=STUB)
    app(folder / "apps", "place", "exec sleep 600\n", within="1m")
    product = Product(folder / "state", f'{DEFAULT_CONFIG}\n[sessions]\napps = ["{folder}/apps"]\n')
    product.start()
    yield product
    product.destroy()


@pytest.fixture(scope="module")
def session(product: Product, place: Path) -> int:
    """A session of the stub that answers."""
    environment = {"PYTHON_OF_TEST": sys.executable, "MINE": "kept"}
    asked = {"app": "jupyter-stub", "working_dir": str(place), "environment": environment}
    number = int(product.call("POST", "/v1/sessions", asked)["id"])

    def answers() -> bool:
        return bool(product.call("GET", f"/v1/sessions/{number}")["state"] == "running")

    wait_for(answers, 60, "the stub answers")
    return number


def test_notebooks_are_listed_with_what_is_known_of_them(product: Product, session: int) -> None:
    shown = ly(product.state, "session", "batch", str(session))
    rows = {line.split()[0]: line.split(maxsplit=3)[3:] for line in shown.out.splitlines()[1:]}
    assert rows == {"open.ipynb": ["likely not saved"], "closed.ipynb": [], "strange.ipynb": []}


def test_one_that_is_not_saved_runs_when_that_is_meant(product: Product, session: int) -> None:
    words = ("session", "batch", str(session), "open.ipynb", "--dry-run")
    refused = ly(product.state, *words)
    assert refused.code == 1
    assert "the browser may hold newer cells" in refused.err
    assert refused.err.endswith("(--as-saved)\n")
    meant = ly(product.state, *words, "--as-saved", "-p", "lr=0.5", "-c", "2")
    assert meant.code == 0, meant.err
    assert "2 CPUs" in meant.out
    assert "open-JOB.ipynb" in meant.out


def test_a_job_of_a_notebook_has_kernel_directory_and_variables_of_its_session(
    product: Product, place: Path, session: int
) -> None:
    body = {"notebook": "closed.ipynb", "sweep": {"lr": "0.1,0.2"}, "packages": []}
    job = product.call("POST", f"/v1/sessions/{session}/batch", body)
    try:
        assert (job["array"]["size"], job["working_dir"], job["kind"]) == (2, str(place), "batch")
        assert job["metadata"]["launchyard.notebook"] == f"{place}/closed.ipynb"
        script = product.call("GET", f"/v1/jobs/{job['id']}/script").decode()
        assert f'"{sys.executable}"' in script
        assert '-p lr "$LAUNCHYARD_PARAM_LR"' in script
        assert product.call("GET", f"/v1/jobs/{job['id']}/runtime-env") == {"uv": ["papermill"]}
    finally:
        product.call("POST", f"/v1/jobs/{job['id']}/cancel", {})


def test_what_would_not_run_is_refused_in_one_sentence(product: Product, session: int) -> None:
    for words, sentence in (
        (("strange.ipynb",), 'its kernel "nobody-has-it" is not there; there are: mine'),
        (("closed.ipynb", "-p", "lr=fast"), 'lr is a number in the notebook, and "fast" is not'),
        (("nothing.ipynb",), "there is no notebook nothing.ipynb in the session"),
    ):
        refused = ly(product.state, "session", "batch", str(session), *words)
        assert refused.code in (1, 2), words
        assert sentence.lower() in refused.err.lower(), refused.err


def test_a_session_opens_in_the_place_of_a_job_that_failed(product: Product, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "MINE": "kept", "SLURM_JOB_ID": "1"}
    job = product.submit("exit 3", working_dir=str(tmp_path), environment=environment, name="broken")
    product.until(job, "FAILED")
    made = product.call("POST", f"/v1/jobs/{job}/debug", {"app": "place"})
    assert (made["name"], made["job"]["working_dir"]) == ("debug broken", str(tmp_path))
    product.until(made["id"], "RUNNING")
    shown = ly(product.state, "shell", str(made["id"]), "--", "sh", "-c", "echo $MINE-$SLURM_JOB_NAME; pwd")
    product.call("POST", f"/v1/sessions/{made['id']}/stop", {})
    assert str(tmp_path) in shown.out
    with pytest.raises(Refused) as refused:
        product.call("POST", f"/v1/jobs/{job}/debug", {"app": "no-such-app"})
    assert refused.value.status == 404
