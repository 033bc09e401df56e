"""The Python client and its options in `ly`, through the real daemon: what is sent is what runs."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard import AsyncClient, Client, JobStatus, JobSubmissionClient
from launchyard.sdk import uploads
from tests.system.ly import ly
from tests.system.product import Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One daemon for all."""
    one = Product(tmp_path_factory.mktemp("yard") / "state")
    one.start()
    yield one
    one.destroy()


@pytest.fixture(autouse=True)
def surroundings(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This server, and a cache of packages of our own."""
    monkeypatch.setenv("LAUNCHYARD_STATE", str(product.state))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A program, a module that it needs, and what is not to be sent."""
    work = tmp_path / "work"
    (work / "data").mkdir(parents=True)
    (work / "main.py").write_text(
        "import os; found = sorted(os.listdir()); import lib; print(lib.NAME, found, os.environ['A'])"
    )
    (work / "lib.py").write_text("NAME = 'lib'")
    (work / ".gitignore").write_text("data/\n")
    (work / "data/large.bin").write_bytes(bytes(1000))
    return work


def test_a_directory_of_this_machine_goes_with_the_job(product: Product, work: Path) -> None:
    with Client() as client:
        job = client.submit(
            "python3 main.py",
            runtime_env={"working_dir": str(work), "env_vars": {"A": "1"}},
            resources={"cpus": 1, "memory": "128M"},
        ).wait(120)
        assert (job.state, b"".join(job.logs())) == (
            "COMPLETED",
            b"lib ['.gitignore', 'lib.py', 'main.py'] 1\n",
        )


def test_ly_sends_what_its_options_name(product: Product, work: Path) -> None:
    options = ("--working-dir", ".", "--env", "A=2", "--mem", "128M", "--follow")
    done = ly(product.state, "submit", *options, "--", "python3", "main.py", cwd=work)
    assert (done.code, done.out) == (0, "lib ['.gitignore', 'lib.py', 'main.py'] 2\n")
    job_id = ly(product.state, "jobs", "--all", "--quiet", "--limit", "1").out.strip()
    again = ly(product.state, "rerun", job_id, "--env", "A=7", "--quiet").out.strip()
    assert product.until(again)["state"] == "COMPLETED"
    assert product.log(again) == b"lib ['.gitignore', 'lib.py', 'main.py'] 7\n"
    (work / "env.toml").write_text(f'working_dir = "{work}"\n[env_vars]\nA = "3"\nB = "4"\n')
    options = ("--runtime-env", "env.toml", "--env", "A=5", "--mem", "128M", "--follow")
    done = ly(product.state, "submit", *options, "--", "sh", "-c", "echo $A$B", cwd=work)
    assert (done.code, done.out) == (0, "54\n")


def test_a_scripts_own_lines_name_what_goes_along_for_sbatch_too(product: Product, work: Path) -> None:
    (work / "job.sh").write_text("#!/bin/sh\n#LY --working-dir . --env A=1 --mem 128M\npython3 main.py\n")
    said = "lib ['.gitignore', 'job.sh', 'lib.py', 'main.py'] 1\n"
    done = ly(product.state, "submit", "--follow", "job.sh", cwd=work)
    assert (done.code, done.out) == (0, said)
    sbatch = Path(ly(product.state, "slurm-path").out.strip()) / "sbatch"
    output = work.parent / "out"
    subprocess.run([sbatch, "--wait", "-o", output, "job.sh"], cwd=work, check=True, timeout=60)
    assert output.read_text() == said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--working-dir", "/not/there"), 'working_dir "/not/there" is not there; name a directory, or'),
        (("--runtime-env", "{x"), "--runtime-env is no JSON: "),
        (
            ("--runtime-env", "no.json"),
            'the runtime environment\'s file "no.json" cannot be read: No such file',
        ),
        (("--env", "A"), '--env "A" is not understood; write --env NAME=VALUE'),
    ],
)
def test_what_cannot_be_sent_is_one_sentence(
    product: Product, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    done = ly(product.state, "submit", *options, "--", "true", cwd=tmp_path)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err


def test_what_was_written_for_rays_client_works_without_ray(product: Product, work: Path) -> None:
    client = JobSubmissionClient(metadata={"team": "a"})
    job_id = client.submit_job(
        entrypoint="python3 main.py && exit 3",
        runtime_env={"working_dir": str(work), "env_vars": {"A": "1"}},
        metadata={"team": "b", "launchyard.time": "1:00:00"},
        entrypoint_num_cpus=1,
        entrypoint_memory=100 * 2**20,
    )

    async def tail() -> str:
        return "".join([text async for text in client.tail_job_logs(job_id)])

    said = asyncio.run(tail())
    assert said.endswith("lib ['.gitignore', 'lib.py', 'main.py'] 1\n")
    assert client.get_job_logs(job_id) == said
    info = client.get_job_info(job_id)
    assert (info.status, info.driver_exit_code, info.submission_id) == (JobStatus.FAILED, 3, job_id)
    assert info.status.is_terminal()
    assert info.metadata == {"team": "a", "launchyard.time": "1:00:00"}
    assert info.launchyard["state"] == "FAILED"
    assert json.loads(info.json())["entrypoint"] == "python3 main.py && exit 3"
    assert client.get_job_status(job_id) == "FAILED"
    assert job_id in [job.submission_id for job in client.list_jobs()]
    with pytest.raises(RuntimeError, match=r"Request failed with status code 4.*already exists"):
        client.submit_job(entrypoint="true", submission_id=job_id)
    assert not client.stop_job(job_id)
    assert client.delete_job(job_id)
    with pytest.raises(RuntimeError, match=r"Request failed with status code 404: Job .* does not exist"):
        client.get_job_info(job_id)
    assert (client.get_version(), client.get_address()) == ("4", str(product.socket_path))


def test_an_address_of_ours_says_what_each_job_says(product: Product) -> None:
    client = JobSubmissionClient("launchyard://local?time=0:10:00&name=short")
    job_id = client.submit_job(entrypoint="true", metadata={"a": "b"})
    info = client.get_job_info(job_id)
    assert info.metadata == {"launchyard.time": "0:10:00", "launchyard.name": "short", "a": "b"}
    job = product.job(info.launchyard["id"])
    assert (job["time_limit_s"], job["name"]) == (600, "short")


def test_a_token_opens_a_server_by_its_address(product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Client().create_token("laptop").token
    url = product.facts["url"]
    monkeypatch.delenv("LAUNCHYARD_STATE")
    for name, headers in (("RAY_AUTH_TOKEN", None), ("NOTHING", {"Authorization": f"Bearer {token}"})):
        monkeypatch.setenv(name, token)
        assert JobSubmissionClient(url, headers=headers).get_address() == url
        monkeypatch.delenv(name)
    with pytest.raises(RuntimeError, match="status code 401"):
        JobSubmissionClient(url).list_jobs()


def test_a_running_job_is_stopped(product: Product) -> None:
    client = JobSubmissionClient()
    job_id = client.submit_job(entrypoint="sleep 100", submission_id="to-stop")
    assert client.stop_job(job_id)
    product.until(client.get_job_info(job_id).launchyard["id"])
    assert client.get_job_status(job_id) is JobStatus.STOPPED


def test_no_server_is_a_connection_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionError, match=r"no Launchyard answers at http://127\.0\.0\.1:1"):
        JobSubmissionClient("http://127.0.0.1:1")
    with pytest.raises(TypeError, match="metadata must be a dict"):
        JobSubmissionClient(metadata=["x"])  # type: ignore[arg-type]


def test_a_tail_goes_on_when_the_server_was_killed(product: Product, tmp_path: Path) -> None:
    client = JobSubmissionClient()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    job_id = client.submit_job(entrypoint=f"echo one; read x < {gate}; echo two")

    async def tail() -> str:
        said = ""
        async for text in client.tail_job_logs(job_id):
            said += text
            if said.endswith("one\n"):
                product.kill()
                product.start()
                gate.write_text("on\n")
        return said

    said = asyncio.run(asyncio.wait_for(tail(), 200))
    assert said.endswith("\none\ntwo\n")
    assert said.count("one\n") == 1


def test_an_upload_goes_on_when_the_server_was_killed(
    product: Product, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 250_000)
    (work / "noise").write_bytes(os.urandom(1_000_000))
    sent: list[int] = []

    def report(progress: uploads.Progress) -> None:
        sent.append(progress.sent)
        if len(sent) == 3:
            product.kill()
            product.start()

    with Client() as client:
        made = client.prepare({"working_dir": str(work)}, report)
        assert sent == sorted(sent)
        job = client.submit("wc -c < noise", runtime_env=made, memory="64M").wait(120)
        assert b"".join(job.logs()) == b"1000000\n"


def test_many_wait_at_once_without_holding_each_other_up(product: Product) -> None:
    async def work() -> list[str]:
        async with AsyncClient() as client:
            last = await client.submit("sleep 0.2", memory="64M", cpus=0.1, hold=True)
            waiting = [asyncio.create_task(client.wait(last.id)) for _ in range(40)]
            jobs = [await client.submit(f"echo {number}", memory="64M", cpus=0.1) for number in range(3)]
            done = await client.wait_all([job.id for job in jobs])
            said = [b"".join([part async for part in job.logs()]) for job in done]
            assert said == [b"0\n", b"1\n", b"2\n"]
            await last.refresh()
            await client.release(last.id)
            return [job.state for job in await asyncio.gather(*waiting)]

    assert asyncio.run(work()) == ["COMPLETED"] * 40


def test_events_come_to_a_loop_and_reading_them_may_be_given_up(product: Product) -> None:
    async def work() -> int:
        async with AsyncClient() as client:
            events = client.events()
            heard: set[int] = set()
            ours: set[int] = set()

            async def hear() -> None:
                # Others may still be told of, and of ours before it has its answer.
                async for event in events:
                    heard.add(event.data["job_id"])
                    if heard & ours:
                        return

            hearing = asyncio.ensure_future(hear())
            async with asyncio.timeout(60):
                # What begins to listen later than a job was submitted does not hear of it.
                while not hearing.done():
                    ours.add((await client.submit("true", memory="64M", hold=True)).id)
                    await asyncio.wait({hearing}, timeout=0.2)
                await hearing
            await events.aclose()
            for job in ours:
                await client.cancel(job)
            return int(not heard & ours)

    assert asyncio.run(work()) == 0
