"""The Ray Jobs API of the real product, asked as Ray's clients ask it but without them."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.system.ly import LY, ly, variables
from tests.system.product import PATIENCE_S, Product, job_pids, wait_for

PLUG_IN = """
import launchyard, sys
assert "get_job_submission_client_cluster_info" in dir(launchyard)
assert not {"click", "pydantic", "launchyard.sdk.client"} & set(sys.modules)
info = launchyard.get_job_submission_client_cluster_info(
    sys.argv[1], create_cluster_if_needed=True, cookies=None, metadata={"a": "b"}, headers={"X": "y"}
)
print(info.address, info.metadata, sorted(info.headers), info.headers["Authorization"][:10])
"""


class Asked:
    """The variables of `ly ray env`, used as Ray's clients use them."""

    def __init__(self, product: Product, home: Path) -> None:
        self.product, self.home = product, home
        done = subprocess.run(
            [*LY, "ray", "env", "--json"], env=self.variables(), capture_output=True, check=True, text=True
        )
        self.given: dict[str, str] = json.loads(done.stdout)
        self.token_path = Path(self.given["RAY_AUTH_TOKEN_PATH"])

    def variables(self) -> dict[str, str]:
        return {**variables(self.product.state), "HOME": str(self.home)}

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_path.read_text().strip()}"}

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        url = self.given["RAY_API_SERVER_ADDRESS"] + path
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, self.headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read())

    def submit(self, entrypoint: str, **more: Any) -> str:
        return str(self("POST", "/api/jobs/", {"entrypoint": entrypoint, **more})["submission_id"])

    def until(self, name: str, *statuses: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            info: dict[str, Any] = self("GET", f"/api/jobs/{name}")
            return info if info["status"] in (statuses or ("SUCCEEDED", "FAILED", "STOPPED")) else None

        return wait_for(there, PATIENCE_S, f"{name} in {statuses}")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    one = Product(tmp_path_factory.mktemp("ray") / "state")
    one.start()
    yield one
    one.destroy()


@pytest.fixture(scope="module")
def asked(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(product, tmp_path_factory.mktemp("home"))


def test_a_job_runs_and_its_log_is_followed_to_its_end(asked: Asked) -> None:
    name = asked.submit("echo one; sleep 0.3; echo two; exit 3")
    url = asked.given["RAY_API_SERVER_ADDRESS"].replace("http", "ws", 1)
    with connect(f"{url}/api/jobs/{name}/logs/tail", additional_headers=asked.headers) as tail:
        told = "".join(map(str, tail))
    assert tail.close_code == 1000

    assert told == f"Running entrypoint for job {name}: echo one; sleep 0.3; echo two; exit 3\none\ntwo\n"
    info = asked("GET", f"/api/jobs/{name}")
    assert (info["status"], info["driver_exit_code"]) == ("FAILED", 3)
    assert info["message"].endswith(":\n" + told)
    assert asked("GET", f"/api/jobs/{name}/logs") == {"logs": told}


def test_it_starts_as_after_a_login(asked: Asked, product: Product) -> None:
    name = asked.submit("pwd; echo $PYTHONUNBUFFERED ${RAY_ADDRESS-none} $RAY_JOB_CONFIG_JSON_ENV_VAR")
    asked.until(name, "SUCCEEDED")

    _, where, rest = asked("GET", f"/api/jobs/{name}/logs")["logs"].splitlines()
    assert Path(where).exists()
    number, address, config = rest.split(" ", 2)
    assert (number, address) == ("1", product.ground.ray_address)
    assert json.loads(config)["metadata"]["job_submission_id"] == name


def test_a_stop_ends_all_processes_after_the_grace(asked: Asked, product: Product) -> None:
    stubborn = "trap '' TERM; (setsid sleep 300 &); echo up; while :; do sleep 0.1; done"
    name = asked.submit(stubborn, runtime_env={"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "0.3"}})
    wait_for(lambda: "up\n" in asked("GET", f"/api/jobs/{name}/logs")["logs"], PATIENCE_S, "it is up")

    assert asked("POST", f"/api/jobs/{name}/stop") == {"stopped": True}
    assert asked.until(name)["status"] == "STOPPED"
    assert job_pids(product.state) == []
    assert asked("DELETE", f"/api/jobs/{name}") == {"deleted": True}
    with pytest.raises(urllib.error.HTTPError) as caught:
        asked("GET", f"/api/jobs/{name}")
    assert caught.value.code == 404


def test_a_job_waits_for_another_by_its_name(asked: Asked) -> None:
    first = asked.submit("sleep 300")
    second = asked.submit("true", metadata={"launchyard.after": f"afternotok:{first}"})
    assert "waits for" in asked("GET", f"/api/jobs/{second}")["message"]

    asked("POST", f"/api/jobs/{first}/stop")

    assert asked.until(second)["status"] == "SUCCEEDED"


def test_forgotten_jobs_stay_in_the_accounting_and_everything_survives_a_restart(
    make_product: Callable[..., Product], tmp_path: Path
) -> None:
    product = make_product()
    product.start()
    asked = Asked(product, tmp_path)
    kept, gone = asked.submit("echo kept", submission_id="kept"), asked.submit("true", submission_id="gone")
    asked.until(kept)
    asked.until(gone)
    asked("DELETE", f"/api/jobs/{gone}")

    product.kill()
    product.start()

    again = Asked(product, tmp_path)
    assert again("GET", "/api/jobs/kept/logs")["logs"].endswith("\nkept\n")
    assert [job["submission_id"] for job in again("GET", "/api/jobs/")] == ["kept"]
    assert {job["submission_id"] for job in product.all_jobs()} == {"kept", "gone"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        again.submit("true", submission_id="gone")
    assert caught.value.code == 409


def test_the_token_is_kept_privately_and_made_once(asked: Asked, product: Product) -> None:
    again = Asked(product, asked.home)

    assert again.given == asked.given
    assert set(again.given) == {"RAY_API_SERVER_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"}
    assert asked.token_path.stat().st_mode & 0o777 == 0o600
    assert asked.token_path.parent.stat().st_mode & 0o077 == 0
    assert sum("ray" in line for line in ly(product.state, "token", "list").out.splitlines()) == 1
    text = ly(product.state, "ray", "env", "--unset").out
    assert text == "unset RAY_API_SERVER_ADDRESS RAY_AUTH_MODE RAY_AUTH_TOKEN_PATH\n"


def test_a_token_that_is_none_any_more_is_replaced(product: Product, tmp_path: Path) -> None:
    asked = Asked(product, tmp_path)
    asked.token_path.write_text("ly_nonsense\n")

    again = Asked(product, tmp_path)

    assert again.token_path.read_text() != "ly_nonsense\n"
    assert again("GET", "/api/version")["version"] == "4"


def test_a_token_file_that_others_can_read_is_refused(product: Product, tmp_path: Path) -> None:
    asked = Asked(product, tmp_path)
    asked.token_path.chmod(0o644)

    done = subprocess.run(
        [*LY, "ray", "env"], env=asked.variables(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert f"chmod 600 {asked.token_path}" in done.stderr


def test_the_plug_in_is_light_and_gives_address_and_token(asked: Asked, product: Product) -> None:
    port = product.facts["url"].rpartition(":")[2]
    for inner in ("local?time=5m", f"127.0.0.1:{port}?time=5m"):
        done = subprocess.run(
            [sys.executable, "-c", PLUG_IN, inner],
            env={**asked.variables(), "PYTHONPATH": os.fspath(Path(__file__).parents[2] / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        url, said = product.facts["url"], "{'launchyard.time': '5m', 'a': 'b'}"
        assert done.stdout == f"{url} {said} ['Authorization', 'X'] Bearer ly_\n", done.stderr
