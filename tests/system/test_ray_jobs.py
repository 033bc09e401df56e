"""Ray's unmodified clients against the product: every subcommand, option and method, with all credentials."""

import json
import os
import pwd
import shlex
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.system.ly import ly
from tests.system.product import Product, job_pids, wait_for
from tests.system.ray_client import JobSubmissionClient, Ray, RayError, Said, programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
licences = { matlab = 2 }
[[nodes]]
name = "node"
cpus = 4
memory = "4GiB"
gpus = "fake:2"
features = ["zone=a"]
"""
ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}


@pytest.fixture(scope="module")
def ray_programs() -> Path:
    return programs()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the clients' own, where their token is kept."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    one = Product(tmp_path_factory.mktemp("ray") / "state", CONFIG)
    one.start()
    yield one
    one.destroy()


def given_by_ly(product: Product, home: Path) -> dict[str, str]:
    """What `eval "$(ly ray env)"` puts into a shell, and nothing else."""
    shell = f'eval "$({shlex.join(LY_RAY_ENV)})" && env -0'
    variables = {**os.environ, "HOME": str(home), "LAUNCHYARD_STATE": str(product.state)}
    done = subprocess.run(["/bin/sh", "-c", shell], env=variables, capture_output=True, check=True)
    pairs = (one.partition("=") for one in done.stdout.decode().split("\0"))
    return {name: value for name, _, value in pairs if name.startswith("RAY_")}


LY_RAY_ENV = [os.fspath(Path(__file__).parents[2] / ".venv" / "bin" / "ly"), "ray", "env"]


@pytest.fixture(scope="module")
def ray(product: Product, home: Path, ray_programs: Path) -> Ray:
    return Ray(ray_programs, {"HOME": str(home), **given_by_ly(product, home)})


@pytest.fixture(scope="module")
def client(ray: Ray) -> Iterator[JobSubmissionClient]:
    with ray.client() as one:
        yield one


def ended(client: JobSubmissionClient, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        info: dict[str, Any] = client.call("get_job_info", name)
        return info if info["status"] in ENDED else None

    return wait_for(look, 60, f"the end of {name}")


def running(client: JobSubmissionClient, name: str) -> None:
    wait_for(lambda: client.call("get_job_status", name) == "RUNNING", 60, f"{name} runs")


def printed(client: JobSubmissionClient, name: str, text: str) -> None:
    wait_for(lambda: text in client.call("get_job_logs", name), 60, f"{text!r} in the log of {name}")


def refused(client: JobSubmissionClient, method: str, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(RayError) as caught:
        client.call(method, *args, **kwargs)
    assert caught.value.kind == "RuntimeError"
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


# -- the command


def test_a_submission_is_followed_to_its_end(ray: Ray) -> None:
    said = ray.job("submit", "--", "echo", "hello")

    assert said.code == 0
    assert "submitted successfully" in said.text
    assert "Running entrypoint for job raysubmit_" in said.text
    assert said.text.count("hello") == 2
    assert "succeeded" in said.text


def test_a_failure_is_the_exit_code_and_told_with_its_log(ray: Ray) -> None:
    said = ray.job("submit", "--", "sh", "-c", "echo broken; exit 3")

    assert said.code == 1
    assert "Job entrypoint command failed with exit code 3, last available logs" in said.text
    assert said.text.count("broken") >= 2


def test_the_life_of_a_job_by_all_subcommands(ray: Ray) -> None:
    made = ray.job("submit", "--no-wait", "--submission-id", "life", "--", "sleep", "300")
    assert made.code == 0
    assert "Tailing logs" not in made.text
    assert "life" in ray.job("list").text

    status = wait_for(
        lambda: "currently running" in (said := ray.job("status", "life")).text and said, 60, "runs"
    )
    assert isinstance(status, Said)
    assert status.code == 0
    early = ray.job("delete", "life")
    assert early.code == 1
    assert "but it is in a non-terminal state RUNNING" in early.text

    stopped = ray.job("stop", "life")
    assert stopped.code == 0
    assert "was stopped" in stopped.text
    assert "was stopped" in ray.job("status", "life").text
    assert "Running entrypoint for job life: sleep 300" in ray.job("logs", "life").text
    assert ray.job("stop", "--no-wait", "life").code == 0

    deleted = ray.job("delete", "life")
    assert deleted.code == 0
    assert "deleted" in deleted.text
    for words in (("status", "life"), ("logs", "life"), ("stop", "life"), ("delete", "life")):
        gone = ray.job(*words)
        assert gone.code == 1
        assert "does not exist" in gone.text


def test_all_options_of_a_submission(
    ray: Ray, client: JobSubmissionClient, product: Product, tmp_path: Path
) -> None:
    directory = tmp_path / "work"
    directory.mkdir()
    (directory / "main.py").write_text("import os; print(sorted(os.listdir()), os.environ['WORD'])\n")
    environment = tmp_path / "env.yaml"
    environment.write_text("env_vars:\n  WORD: from-a-file\n")

    cpus = "0.5"
    if (sentence := product.cannot("parts of CPUs")) is not None:
        refused = ray.job("submit", "--entrypoint-num-cpus", cpus, "--", "true")
        assert refused.code == 1
        assert sentence in " ".join(refused.text.split())
        cpus = "1"
    said = ray.job(
        *("submit", "--submission-id", "options", "--runtime-env", str(environment)),
        *("--working-dir", str(directory), "--metadata-json", '{"team": "vision", "launchyard.time": "5m"}'),
        *("--entrypoint-num-cpus", cpus, "--entrypoint-num-gpus", "1", "--entrypoint-memory", "100000000"),
        *("--entrypoint-resources", '{"matlab": 1}', "--entrypoint-label-selector", '{"zone": "a"}'),
        *("--", "python3", "main.py"),
    )

    assert said.code == 0, said.text
    assert "['main.py'] from-a-file" in said.text
    info = client.call("get_job_info", "options")
    assert info["metadata"] == {"team": "vision", "launchyard.time": "5m"}
    assert info["runtime_env"]["env_vars"] == {"WORD": "from-a-file"}


def test_the_older_option_and_json_and_addresses(ray: Ray, product: Product) -> None:
    elsewhere = ray.with_variables(RAY_API_SERVER_ADDRESS="")
    env = '{"env_vars": {"WORD": "inline"}}'

    for address in (product.facts["url"], f"{product.facts['url']}/ray/"):
        said = elsewhere.job(
            *("submit", "--address", address, "--job-id", f"older-{len(address)}"),
            *("--runtime-env-json", env, "--", "sh", "-c", 'echo "$WORD"'),
        )
        assert said.code == 0, said.text
        assert "\ninline\n" in said.text


def test_a_log_is_followed_while_it_grows(ray: Ray, client: JobSubmissionClient) -> None:
    client.call("submit_job", entrypoint="echo one; sleep 1; echo two", submission_id="grows")

    said = ray.job("logs", "--follow", "grows")

    assert said.code == 0
    assert "one\ntwo\n" in said.text
    assert "succeeded" in said.text


# -- credentials


def test_without_a_credential_it_is_said_what_to_run(ray: Ray) -> None:
    said = ray.with_variables(RAY_AUTH_MODE="", RAY_AUTH_TOKEN_PATH="").job("list")

    assert said.code == 1
    assert "ly ray env" in said.text


def test_a_token_in_headers(ray: Ray, product: Product) -> None:
    token = ly(product.state, "token", "create", "-q").out.strip()
    bare = ray.with_variables(RAY_AUTH_MODE="", RAY_AUTH_TOKEN_PATH="")

    for name in ("Authorization", "X-Ray-Authorization"):
        headers = json.dumps({name: f"Bearer {token}"})
        assert bare.job("list", "--headers", headers).code == 0
        assert bare.with_variables(RAY_JOB_HEADERS=headers).job("list").code == 0
    with bare.client(cookies={"ray-authentication-token": token}) as one:
        assert one.call("submit_job", entrypoint="true", submission_id="by-cookie") == "by-cookie"
        assert one.call("tail", "by-cookie")


def test_ly_ray_env_keeps_a_token_that_works_and_replaces_one_that_does_not(
    product: Product, home: Path
) -> None:
    first = given_by_ly(product, home)
    path = Path(first["RAY_AUTH_TOKEN_PATH"])
    secret = path.read_text()

    assert path.stat().st_mode & 0o777 == 0o600
    assert "RAY_ADDRESS" not in first
    assert given_by_ly(product, home) == first
    assert path.read_text() == secret
    path.write_text("ly_nonsense\n")
    given_by_ly(product, home)
    assert path.read_text() not in (secret, "ly_nonsense\n")


def test_the_plug_in_finds_server_and_token(ray: Ray, product: Product, home: Path) -> None:
    source = str(Path(__file__).parents[2] / "src")
    plain = ray.with_variables(
        RAY_AUTH_MODE="", RAY_AUTH_TOKEN_PATH="", PYTHONPATH=source, LAUNCHYARD_STATE=str(product.state)
    )

    local = plain.with_variables(RAY_API_SERVER_ADDRESS="launchyard://local?time=7m&name=plugged")
    assert local.job("submit", "--submission-id", "plug", "--", "echo", "in").code == 0
    port = product.facts["url"].rpartition(":")[2]
    there = plain.with_variables(
        RAY_API_SERVER_ADDRESS=f"launchyard://127.0.0.1:{port}", LAUNCHYARD_STATE=str(home / "nowhere")
    )
    assert "plug" in there.job("list").text
    found = next(job for job in product.all_jobs() if job["submission_id"] == "plug")
    assert (found["time_limit_s"], found["name"]) == (420, "plugged")


def test_an_anonymous_user_of_this_machine(ray: Ray, ray_programs: Path, tmp_path: Path) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    one = Product(tmp_path / "state", f'{CONFIG}[ray_api]\nanonymous_user = "{name}"\n')
    one.start()
    try:
        bare = Ray(ray_programs, {"HOME": str(tmp_path), "RAY_API_SERVER_ADDRESS": one.facts["url"]})
        assert bare.job("submit", "--", "echo", "hello").code == 0
        assert one.all_jobs()[0]["user"] == name
    finally:
        one.destroy()


# -- the class


def test_every_method_of_the_class(client: JobSubmissionClient, product: Product) -> None:
    assert client.call("get_version") == "4"
    assert client.call("get_address") == product.facts["url"]
    name = client.call(
        "submit_job",
        entrypoint="echo $WORD; echo problem >&2",
        runtime_env={"env_vars": {"WORD": "word"}},
        metadata={"foo": "bar"},
    )
    info = ended(client, name)

    assert name.startswith("raysubmit_")
    assert info["status"] == client.call("get_job_status", name) == "SUCCEEDED"
    assert info["message"] == "Job finished successfully."
    assert info["metadata"] == {"foo": "bar"}
    assert info["runtime_env"] == {"env_vars": {"WORD": "word"}}
    assert info["end_time"] >= info["start_time"] > 1_600_000_000_000
    assert info["driver_exit_code"] == 0
    logs = client.call("get_job_logs", name)
    assert logs.endswith("\nword\nproblem\n")
    assert "".join(client.call("tail", name)) == logs
    assert name in [job["submission_id"] for job in client.call("list_jobs")]
    assert client.call("stop_job", name) is False
    assert client.call("delete_job", name) is True
    assert "does not exist" in refused(client, "get_job_info", name)


def test_an_id_submitted_many_times_at_once_is_one_job(ray: Ray) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(ray.client()) for _ in range(4)]

        def submit(client: JobSubmissionClient) -> str:
            try:
                return str(client.call("submit_job", entrypoint="true", submission_id="same"))
            except RayError as error:
                return str(error)

        with ThreadPoolExecutor(4) as threads:
            said = list(threads.map(submit, clients))

    assert said.count("same") == 1
    assert sum("already exists" in one for one in said) == 3


def test_the_message_of_a_failure_has_the_last_ten_lines_and_20000_characters(
    client: JobSubmissionClient,
) -> None:
    lines = client.call("submit_job", entrypoint="seq 1 30; exit 2")
    assert ended(client, lines)["message"].endswith(":\n" + "".join(f"{n}\n" for n in range(21, 31)))

    long = client.call("submit_job", entrypoint="head -c 100000 /dev/zero | tr '\\0' x; exit 2")
    assert ended(client, long)["message"].endswith(":\n" + "x" * 20_000)


def test_a_signal_and_a_command_that_is_not_there(client: JobSubmissionClient) -> None:
    killed = ended(client, client.call("submit_job", entrypoint="kill -9 $$"))
    assert (killed["status"], killed["driver_exit_code"]) == ("FAILED", -9)

    missing = ended(client, client.call("submit_job", entrypoint="no-such-command"))
    assert (missing["status"], missing["driver_exit_code"]) == ("FAILED", 127)
    assert "not found" in missing["message"]
    assert missing["error_type"] == "JOB_ENTRYPOINT_COMMAND_ERROR"


def test_our_own_ends_are_failures_with_a_sentence(client: JobSubmissionClient) -> None:
    name = client.call("submit_job", entrypoint="sleep 60", metadata={"launchyard.time": "1s"})
    info = ended(client, name)

    assert info["status"] == "FAILED"
    assert info["error_type"] == "JOB_TIMEOUT"
    assert "time limit of 1 s" in info["message"]


def test_a_stop_reaches_the_whole_tree_and_kills_after_the_grace(
    client: JobSubmissionClient, product: Product
) -> None:
    polite = "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    stubborn = "trap '' TERM; sleep 300 & (setsid sleep 300 &) ; echo up; wait; sleep 300"
    name = client.call("submit_job", entrypoint=polite)
    printed(client, name, "\nup\n")
    assert client.call("stop_job", name) is True
    info = ended(client, name)
    assert (info["status"], info["driver_exit_code"]) == ("STOPPED", None)
    assert "asked" in client.call("get_job_logs", name)

    env = {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "0.5"}}
    name = client.call("submit_job", entrypoint=stubborn, runtime_env=env)
    printed(client, name, "\nup\n")
    client.call("stop_job", name)
    info = ended(client, name)
    assert info["status"] == "STOPPED"
    assert info["message"] == "Job was intentionally stopped."
    assert job_pids(product.state) == []


def test_a_waiting_job_says_for_what_and_can_be_stopped(ray: Ray, client: JobSubmissionClient) -> None:
    first = client.call("submit_job", entrypoint="sleep 300", entrypoint_num_gpus=2)
    running(client, first)
    second = client.call("submit_job", entrypoint="echo never", entrypoint_num_gpus=1)

    info = client.call("get_job_info", second)
    assert info["status"] == "PENDING"
    assert "waiting for resources" in info["message"]
    assert "GPU" in info["message"]
    assert client.call("get_job_logs", second) == ""
    with ray.client() as follower:
        follower.send("tail", second)
        assert client.call("stop_job", second) is True
        assert follower.answer() == []
    assert ended(client, second)["status"] == "STOPPED"
    client.call("stop_job", first)
    ended(client, first)


@pytest.mark.parametrize(
    "asked",
    [
        {"entrypoint_num_cpus": 999},
        {"entrypoint_num_gpus": 9},
        {"entrypoint_memory": 2**50},
        {"entrypoint_resources": {"Custom": 2}},
    ],
)
def test_what_no_node_has_is_waited_for(client: JobSubmissionClient, asked: dict[str, Any]) -> None:
    name = client.call("submit_job", entrypoint="true", **asked)
    info = client.call("get_job_info", name)
    assert info["status"] == "PENDING"
    assert "waiting for resources" in info["message"]
    assert client.call("stop_job", name) is True
    assert ended(client, name)["status"] == "STOPPED"


def test_what_is_not_understood_is_refused_at_once(client: JobSubmissionClient) -> None:
    assert "did you mean 'time'" in refused(
        client, "submit_job", entrypoint="true", metadata={"launchyard.tine": "1h"}
    )
    assert "submission_id" in refused(client, "submit_job", entrypoint="true", submission_id="a b")


def test_a_runtime_environment_that_cannot_be_made_is_the_failure(client: JobSubmissionClient) -> None:
    env = {"pip": ["no-such-package-of-anybody-0"]}
    info = ended(client, client.call("submit_job", entrypoint="true", runtime_env=env))

    assert info["error_type"] == "RUNTIME_ENV_SETUP_FAILURE"
    assert "runtime_env setup failed" in info["message"]
    assert "No matching distribution found for no-such-package-of-anybody-0" in info["message"]


def test_a_daemon_that_dies_ends_a_tail_with_an_error_and_no_job(
    ray: Ray, product: Product, tmp_path: Path
) -> None:
    with ray.client() as client:
        for number, end in enumerate((signal.SIGKILL, signal.SIGTERM)):
            go = tmp_path / str(number)
            waits = f"while [ ! -e {go} ]; do sleep 0.1; done"
            name = client.call("submit_job", entrypoint=f"echo up; {waits}; echo down {number}")
            printed(client, name, "\nup\n")
            client.send("tail", name)
            process = product.process
            assert process is not None
            process.send_signal(end)
            process.wait(60)
            product.process = None
            with pytest.raises(RayError):
                client.answer()
            port = product.facts["url"].rpartition(":")[2]
            restarted = CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}")
            product.configure(restarted)
            product.start()
            go.touch()
            assert ended(client, name)["status"] == "SUCCEEDED"
            assert client.call("get_job_logs", name).endswith(f"up\ndown {number}\n")
