"""Sessions, terminals and runtime environments on nodes of a Ray cluster that have no file of ours."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard import apps
from tests.ray.clustered import product_on
from tests.ray.lab import Lab
from tests.system.archives import ran, uploaded, wheel, zipped
from tests.system.kept import fetch_packages, keep_packages_in
from tests.system.ly import Terminal
from tests.system.product import Json, Product, wait_for
from tests.system.sessionapps import make
from tests.system.test_session_proxy import Visit
from tests.system.test_two_users import asked

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(600)]

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def product(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Nodes but the head's see neither its state nor our code: what they need travels there."""
    folder = tmp_path_factory.mktemp("sessions")
    make(folder / "apps")
    for node in range(1, lab.nodes):
        lab.hide(node, HERE / "src")
        lab.hide(node, folder / "state")
    with product_on(lab, folder / "state", f'[sessions]\napps = ["{folder}/apps"]\n') as made:
        for place in lab.base.glob("*/environments"):
            keep_packages_in(place)
        yield made


def session(product: Product, app: str, node: str, *states: str, **fields: object) -> Json:
    asked = {"app": app, "resources": {"cpus": 1, "nodelist": [node]}, "environment": {}, **fields}
    made = product.call("POST", "/v1/sessions", asked)

    def there() -> Json | None:
        found: Json = product.call("GET", f"/v1/sessions/{made['id']}")
        assert found["state"] not in {"failed", "ended"} - set(states), (found["cause"], found["last_lines"])
        return found if found["state"] in states else None

    return wait_for(there, 300, f"session {made['id']} in {states}", 0.2)


def stop(product: Product, found: Json) -> None:
    product.call("POST", f"/v1/sessions/{found['id']}/stop")
    product.until(found["id"])


def test_session_on_another_node_is_reached_through_its_agent_and_again_after_a_restart(
    product: Product, lab: Lab
) -> None:
    found = session(product, "web", lab.name(1), "running", values={"word": "far"})
    assert found["job"]["nodes"] == [lab.name(1)]
    path = f"/session/{found['id']}/x"
    assert Visit(product, "root", found["id"]).ask("GET", path).read() == f"{path} far".encode()

    product.kill()
    product.start(timeout_s=90)

    def opens() -> bool:
        return asked(product, "root", "POST", f"/v1/sessions/{found['id']}/open", {})[0] == 200

    def answers() -> bool:
        return Visit(product, "root", found["id"]).ask("GET", path).status == 200

    wait_for(lambda: product.call("GET", f"/v1/sessions/{found['id']}")["state"] == "running", 60, "it runs")
    wait_for(opens, 60, "its node is reached again", 0.2)
    wait_for(answers, 60, "its page is there again", 0.2)
    stop(product, found)


def test_session_that_fails_on_another_node_says_why(product: Product, lab: Lab) -> None:
    found = session(product, "silent", lab.name(2), "failed")
    assert "did not answer within 2 s" in found["cause"]


def test_jupyterlab_runs_on_another_node(product: Product, lab: Lab, tmp_path: Path) -> None:
    """From the node no index is reached: what is installed there was fetched before."""
    needed = tomllib.loads((Path(apps.__file__).parent / "jupyter" / "app.toml").read_text())
    fetch_packages(lab.python.parent / "uv", needed["environment"]["uv"], tmp_path / "not-needed")
    found = session(product, "jupyter", lab.name(1), "running", environment={"UV_OFFLINE": "1"})
    visit = Visit(product, "root", found["id"])
    assert b"python3" in visit.ask("GET", f"/session/{found['id']}/api/kernelspecs").read()
    with visit.dial(f"/session/{found['id']}/api/events/subscribe"):
        pass
    stop(product, found)


def test_shell_opens_beside_a_job_and_a_job_has_a_terminal_on_another_node(
    product: Product, lab: Lab
) -> None:
    job = product.submit(["sleep", "600"], resources={"nodelist": [lab.name(1)]})
    product.until(job, "RUNNING")
    shell = Terminal(product.state, "shell", str(job), "--", "sh", "-c", "echo on $LAUNCHYARD_NODE; exit 4")
    assert shell.end() == 4
    assert f"on {lab.name(1)}".encode() in shell.shown
    product.call("POST", f"/v1/jobs/{job}/cancel")
    attached = Terminal(
        product.state, "run", "-w", lab.name(2), "--", "sh", "-c", "read word; echo got $word; exit 5"
    )
    attached.type(b"abc\r")
    assert attached.end() == 5
    assert b"got abc" in attached.shown


def test_working_directory_travels_to_the_node_and_is_gone_after_the_job(product: Product, lab: Lab) -> None:
    package = uploaded(product, zipped(main_py="import part; print(part.NAME)", part_py="NAME = 7"))
    command = "hostname; python3 main.py; pwd; echo $LAUNCHYARD_NODE"
    job_id = product.submit(
        command, runtime_env={"working_dir": package}, resources={"nodelist": [lab.name(2)]}
    )
    job = product.until(job_id, "COMPLETED", "FAILED")
    said = product.log(job_id).decode().split()
    assert (job["state"], said[-1]) == ("COMPLETED", lab.name(2)), job
    assert said[1] == "7"
    assert said[2].startswith(str(lab.base))
    wait_for(lambda: not Path(said[2]).exists(), 60, "its copy is removed")


def test_packages_are_installed_on_the_node(product: Product, lab: Lab, tmp_path: Path) -> None:
    hello = wheel(tmp_path, "hellofar", "1.0", "def main():\n    print('from', __file__)\n")
    job = ran(product, "hellofar-says", pip=[str(hello)])
    assert job["state"] == "COMPLETED", (job["cause"], product.log(job["id"], "setup"))
    assert job["out"].startswith(f"from {lab.base}")
    assert b"hellofar" in product.log(job["id"], "setup")


def test_set_up_that_fails_on_the_node_says_why(product: Product) -> None:
    job = ran(product, "true", pip=["/nowhere/missing-1.0-py3-none-any.whl"])
    assert job["state"] == "FAILED"
    assert job["cause"].startswith("runtime_env setup failed: ")
    assert "missing-1.0-py3-none-any.whl" in job["cause"]
