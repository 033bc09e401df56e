"""The apps that come along, started for real through the front door and asked over their own sockets.

RStudio Server cannot be had here: a stand-in, which only checks what it is called with and answers HTTP, is
put in its place, and what is tested is the app's own part.
"""

import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard import apps
from tests.system.kept import keep_packages
from tests.system.product import DEFAULT_CONFIG, Json, Product, Refused, UnixConnection, wait_for

SHIPPED = Path(apps.__file__).parent
ROOT = Path(__file__).parents[2]
SET_UP_S = 600.0
ELSEWHERE = "ly-s-"
"""How that of a session begins that is on another engine's node."""

pytestmark = pytest.mark.timeout(700)

STAND_IN = f'''#!{sys.executable}
"""A stand-in for RStudio Server's rserver, which is not RStudio Server."""
import http.server, os, socketserver, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:] if word.startswith("--"))
if "help" in options:
    print("  --www-socket arg")
    sys.exit(0)
for name in ("secure-cookie-key-file", "database-config-file"):
    assert os.stat(options[name]).st_mode & 0o077 == 0, name
assert options["auth-none"] == "1" and options["server-daemonize"] == "0"
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"stand-in below {{options['www-root-path']}}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "socket"
socketserver.UnixStreamServer(options["www-socket"], Answers).serve_forever()
'''


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("apps")
    config = DEFAULT_CONFIG.replace("4GiB", "12GiB")
    product = Product(folder / "state", f'{config}\n[sessions]\napps = ["{folder}/apps"]\n')
    keep_packages(product.state)
    product.start()
    yield product
    product.destroy()


def stand(product: Product, app: str, program: str, path: str, text: str = "") -> None:
    """A copy of a shipped app whose program is looked for at `path`, made there of `text`."""
    folder = product.state.parent / "apps" / app
    shutil.copytree(SHIPPED / app, folder)
    toml = (folder / "app.toml").read_text()
    (folder / "app.toml").write_text(toml.replace(f'name = "{program}', f'name = "{path}|{program}'))
    if text:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        Path(path).chmod(0o755)


def running(product: Product, app: str, **fields: Any) -> Json:
    """A session of the app that runs."""
    made = product.call("POST", "/v1/sessions", {"app": app, "qos": "normal", **fields})

    def there() -> Json | None:
        now: Json = product.call("GET", f"/v1/sessions/{made['id']}")
        assert now["state"] not in ("failed", "ended"), (now["cause"], now["last_lines"])
        return now if now["state"] == "running" else None

    return wait_for(there, SET_UP_S, f"{app} runs", every_s=0.2)


def facts(product: Product, found: Json) -> tuple[Path, Json]:
    """The session's own directory, and what its attendant wrote down."""
    states = (product.state, *product.ground.on_nodes())
    here = [(one.parents[1].name, one) for at in states for one in at.glob("tmp/*/s/session.json")]
    there = [(one.parent.name, one) for one in Path("/tmp").glob(f"{ELSEWHERE}*/session.json")]
    launches = [(name.removeprefix(ELSEWHERE), one) for name, one in (*here, *there)]
    (path,) = [one for launch, one in launches if launch in found["job"]["log_path"]]
    return path.parent, json.loads(path.read_text())


def ask(product: Product, found: Json, path: str, **headers: str) -> tuple[int, str]:
    """What it answers on its socket."""
    folder, _ = facts(product, found)
    connection = UnixConnection(folder / "app.sock")
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def end(product: Product, found: Json) -> None:
    product.call("POST", f"/v1/sessions/{found['id']}/stop")
    product.until(found["id"])


def closed_to_others(folder: Path) -> bool:
    return folder.stat().st_mode & 0o077 == 0


def test_rstudio_says_that_it_is_not_installed_where_it_is_not(product: Product) -> None:
    if shutil.which("rserver"):
        pytest.skip("RStudio Server is installed here")

    shown = {one["name"]: one for one in product.call("GET", "/v1/apps")["apps"]}["rstudio"]

    assert shown["unavailable"].startswith("not installed here: no rserver was found on this machine.")
    assert "posit.co" in shown["unavailable"]


def test_rstudio_starts_its_server_on_a_socket_of_the_user_alone_by_a_stand_in(
    product: Product, tmp_path: Path
) -> None:
    bin = tmp_path / "bin"
    stand(product, "rstudio", "rserver", f"{bin}/rserver", STAND_IN)
    (bin / "R").write_text("#!/bin/sh\n")
    (bin / "R").chmod(0o755)
    toml = product.state.parent / "apps" / "rstudio" / "app.toml"
    toml.write_text(toml.read_text().replace('name = "R"', f'name = "{bin}/R"'))

    found = running(product, "rstudio", environment={"PATH": f"{bin}:/usr/bin:/bin"})

    assert ask(product, found, "/") == (200, f"stand-in below /session/{found['id']}/")
    assert closed_to_others(facts(product, found)[0])
    end(product, found)


@pytest.mark.slow
def test_jupyterlab_runs_with_the_python_that_comes_along(product: Product) -> None:
    found = running(product, "jupyter")
    prefix = f"/session/{found['id']}"

    status, specs = ask(product, found, f"{prefix}/api/kernelspecs")
    page, text = ask(product, found, f"{prefix}/lab")

    assert (status, page) == (200, 200)
    assert "python3" in json.loads(specs)["kernelspecs"]
    assert "jupyter" in text.lower()
    if Path("/usr/share/jupyter/kernels/ir").is_dir():
        assert "ir" in json.loads(specs)["kernelspecs"]
    assert [tick["state"] for tick in found["steps"]] == ["done"] * 4
    end(product, found)


@pytest.mark.slow
def test_jupyterlab_offers_to_mend_a_python_without_ipykernel(product: Product, tmp_path: Path) -> None:
    venv = tmp_path / "mine" / ".venv"
    uv = str(ROOT / ".venv/bin/uv")
    subprocess.run([uv, "venv", "-q", "--seed", "--python", sys.executable, venv], check=True)
    listed = product.call("GET", f"/v1/pythons?dir={venv.parent}")["pythons"]
    mine = next(one for one in listed if one["path"] == f"{venv}/bin/python")

    made = product.call(
        "POST", "/v1/sessions", {"app": "jupyter", "qos": "normal", "values": {"python": mine["path"]}}
    )
    failed = wait_for(
        lambda: (now := product.call("GET", f"/v1/sessions/{made['id']}"))["state"] == "failed" and now,
        SET_UP_S,
        "it failed",
        every_s=0.2,
    )
    found = running(product, "jupyter", values={"python": mine["path"], "add_ipykernel": True})
    _, specs = ask(product, found, f"/session/{found['id']}/api/kernelspecs")

    assert (mine["kind"], mine["ipykernel"]) == ("venv", False)
    assert mine["fix"] == f"{venv}/bin/python -m pip install ipykernel"
    assert f"{venv}/bin/python has no ipykernel, so it runs no notebooks." in failed["last_lines"]
    assert json.loads(specs)["default"] == "chosen"
    assert json.loads(specs)["kernelspecs"]["chosen"]["spec"]["display_name"] == "Python (mine)"
    end(product, found)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Xtigervnc") is None, reason="needs tigervnc-standalone-server")
def test_a_desktop_speaks_vnc_on_a_socket_of_the_user_alone(product: Product) -> None:
    found = running(product, "desktop")
    folder, _ = facts(product, found)

    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(folder / "app.sock"))
        greeting = connection.recv(12)

    assert greeting.startswith(b"RFB 003.")
    assert closed_to_others(folder)
    assert found["speaks"] == "rfb"
    end(product, found)


@pytest.mark.slow
def test_tensorboard_shows_a_folder(product: Product, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()

    found = running(product, "tensorboard", values={"folder": str(tmp_path / "runs")})
    status, said = ask(product, found, f"/session/{found['id']}/data/environment")

    assert status == 200
    assert json.loads(said)["data_location"] == str(tmp_path / "runs")
    end(product, found)


@pytest.mark.slow
def test_marimo_serves_below_its_prefix(product: Product) -> None:
    found = running(product, "marimo")

    status, page = ask(product, found, f"/session/{found['id']}/")

    assert status == 200
    assert "marimo" in page
    end(product, found)


@pytest.mark.slow
def test_the_dashboard_of_a_ray_cluster_answers_with_its_token_alone(product: Product) -> None:
    if (sentence := product.cannot("ray")) is not None:
        with pytest.raises(Refused, match=re.escape(sentence)):
            running(product, "ray", resources={"cpus": 2})
        return
    found = running(product, "ray", resources={"cpus": 2})
    _, told = facts(product, found)

    answers = []
    for headers in ({"Authorization": f"Bearer {told['secret']}"}, {}):
        connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=30)
        connection.request("GET", "/api/cluster_status", headers=headers)
        answers.append(connection.getresponse().status)

    assert answers[0] == 200
    assert answers[1] in (401, 403)
    end(product, found)


@pytest.mark.slow
def test_vs_code_answers_on_its_socket(product: Product, tmp_path: Path) -> None:
    script = str(ROOT / "scripts/install-code-server")
    made = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True)
    bin = made.stdout.strip()
    stand(product, "code", "code-server", f"{bin}/code-server")
    (tmp_path / "project").mkdir()

    environment = {"PATH": f"{bin}:/usr/bin:/bin"}
    found = running(product, "code", values={"folder": str(tmp_path / "project")}, environment=environment)

    status, said = ask(product, found, "/healthz")
    assert status == 200
    assert "status" in json.loads(said)
    end(product, found)


def test_a_shell_holds_what_it_asked_for_until_it_is_ended(product: Product) -> None:
    found = running(product, "shell", resources={"cpus": 2})

    assert found["speaks"] == "terminal"
    assert found["job"]["resources"]["cpus"] == 2
    end(product, found)
