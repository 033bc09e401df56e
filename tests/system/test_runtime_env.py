"""Runtime environments through the front door: uploads, working directories, packages, and how they fail."""

import hashlib
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.system.archives import put, ran, tarred, uploaded, wheel, zipped, zipped_files
from tests.system.ly import ly
from tests.system.product import Json, Product, Refused, wait_for

CONFIG = """
listen = "127.0.0.1:0"
allow_root_jobs = true
daemon_user = "root"
[[nodes]]
name = "node"
cpus = 8
memory = "4GiB"
[packages]
size_max = "2MiB"
quota = "3MiB"
[runtime_env]
memory = "1GiB"
"""
CONDA = """#!/bin/sh
case "$1 $2" in
"env list") echo list >> {log}; echo '{{"envs": ["{named}"]}}';;
"env create") echo create >> {log}; mkdir -p "$4/bin"
    printf '#!/bin/sh\necho made $CONDA_PREFIX\n' > "$4/bin/tool"
    chmod +x "$4/bin/tool";;
esac
"""
HELLO = "def main():\n    print('version', 1)\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    made = Product(tmp_path_factory.mktemp("env") / "state", CONFIG)
    made.start()
    yield made
    made.destroy()


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A requirement that no index is asked for."""
    return str(wheel(tmp_path_factory.mktemp("wheels"), "hellopkg", "1.0", HELLO))


def test_a_job_runs_in_a_copy_of_what_was_uploaded(product: Product) -> None:
    package = uploaded(product, zipped(main_py="import part; print(part.NAME)", part_py="NAME = 7"))
    job = ran(product, "python3 main.py && echo mine > main.py && pwd", working_dir=package)
    assert job["state"] == "COMPLETED", job
    number, where = job["out"].split()
    assert number == "7"
    assert where.endswith(f"/jobs/{job['id']}/work")
    again = ran(product, "cat main.py", working_dir=package)
    assert again["out"].startswith("import part")


def test_its_files_are_gone_after_its_end(product: Product) -> None:
    job = ran(product, "pwd", working_dir=uploaded(product, zipped(a_txt="x")))
    wait_for(lambda: not Path(job["out"].strip()).exists() or None, 60, "the job's files are gone")


def test_variables_are_expanded_by_what_the_job_has(product: Product) -> None:
    variables = {"A": "1", "B": "${A}-${HOME}-${NO_SUCH}", "PATH": "/first:${PATH}", "LAUNCHYARD_JOB_ID": "0"}
    job = ran(product, 'echo "$B" "${PATH%%:*}" "$LAUNCHYARD_JOB_ID"', env_vars=variables)
    assert job["out"].split() == ["1-/root-", "/first", str(job["id"])]


def test_an_upload_goes_on_from_where_it_stopped(product: Product) -> None:
    other = zipped(b_txt="y" * 1000)
    path = f"{hashlib.sha256(other).hexdigest()}.zip"
    half, total = len(other) // 2, len(other)
    assert put(product, f"/v1/packages/{path}", other[:half], _range(0, half, total))[0] == 200
    assert product.call("GET", f"/v1/packages/{path}")["received"] == half
    status, answer = put(product, f"/v1/packages/{path}", other[5:], _range(5, total, total))
    assert status == 409
    assert f"from byte {half}".encode() in answer
    assert put(product, f"/v1/packages/{path}", other[half:], _range(half, total, total))[1].endswith(
        b"true}"
    )


def test_content_that_is_not_what_its_name_says_is_refused(product: Product) -> None:
    status, answer = put(product, f"/v1/packages/{'0' * 64}.zip", b"something else")
    assert status == 400
    assert b"other content" in answer
    with pytest.raises(Refused, match="404"):
        product.call("GET", f"/v1/packages/{'0' * 64}.zip")


def test_rays_client_gets_the_answers_that_it_knows(product: Product) -> None:
    path = "/api/packages/gcs/_ray_pkg_0123456789abcdef.zip"
    with pytest.raises(Refused, match="does not exist"):
        product.call("GET", path)
    assert put(product, path, zipped(main_py="print('of ray')")) == (200, b"")
    assert product.call("GET", path) == b""
    assert (
        "of ray" in ran(product, "python3 main.py", working_dir="gcs://_ray_pkg_0123456789abcdef.zip")["out"]
    )


def test_a_package_over_the_limit_is_refused_and_a_full_quota_too(product: Product) -> None:
    status, answer = put(product, "/api/packages/gcs/big.zip", bytes(3 << 20))
    assert status == 413
    assert answer.startswith(b"Maximum request body size 2097152 exceeded.")
    assert put(product, "/api/packages/gcs/one.whl", b"1" * (2 << 20))[0] == 200
    status, answer = put(product, "/api/packages/gcs/two.whl", b"2" * (2 << 20))
    assert status == 422
    assert b"allowed" in answer


@pytest.mark.parametrize("name", ["..%2f..%2fx.zip", ".zip", "a%00b.zip", "x.txt", "%2e%2e.zip", "-a.zip"])
def test_no_name_of_a_package_leads_out_of_its_directory(product: Product, name: str) -> None:
    status, _ = put(product, f"/api/packages/gcs/{name}", b"x")
    assert status in (400, 404)


def test_packages_are_installed_once_and_each_job_has_its_own(product: Product, hello: str) -> None:
    first = ran(product, "hellopkg-says; which python; python -c 'import hellopkg'", pip=[hello])
    assert first["out"].startswith("version 1\n"), first
    assert f"/jobs/{first['id']}/venv/bin/python" in first["out"]
    spoil = "import hellopkg; open(hellopkg.__file__, 'w').write('def main(): print(666)')"
    assert ran(product, f'python -c "{spoil}"; hellopkg-says', pip=[hello])["out"] == "666\n"
    third = ran(product, "hellopkg-says", pip=[hello])
    assert third["out"] == "version 1\n"
    assert "installing" not in _setup_log(product, third["id"])


def test_what_is_kept_is_made_anew_when_somebody_has_changed_it(product: Product, hello: str) -> None:
    ran(product, "true", uv={"packages": [hello]})
    (kept,) = (product.state / "environments" / "0" / "shelf").glob("venv-*/lib/*/site-packages/hellopkg.py")
    kept.chmod(0o644)
    kept.write_text("def main(): print('changed')")
    job = ran(product, "hellopkg-says", uv={"packages": [hello]})
    assert job["out"] == "version 1\n", job
    assert "changed since" in _setup_log(product, job["id"])


def test_a_requirement_that_nobody_has_fails_the_job_in_the_resolvers_words(product: Product) -> None:
    options = {"packages": ["no-such-thing-at-all"], "pip_install_options": ["--no-index"]}
    job = ran(product, "echo never", pip=options)
    assert job["state"] == "FAILED"
    assert job["started_at"] is None
    assert job["cause"].startswith("runtime_env setup failed: installing no-such-thing-at-all failed")
    assert "No matching distribution found for no-such-thing-at-all" in job["cause"]
    assert "uv pip install" in job["out"], "its log is how it was set up"
    again = ran(product, "echo never", pip=options)
    assert "tried again after a minute" in again["cause"]


def test_requirements_may_be_a_file_of_the_job(product: Product, hello: str) -> None:
    package = uploaded(product, zipped(requirements_txt=f"{hello}\n"))
    line = "-r ${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/requirements.txt"
    assert ran(product, "hellopkg-says", working_dir=package, pip=[line])["out"] == "version 1\n"


def test_modules_are_found_from_directories_and_wheels(product: Product, hello: str) -> None:
    module = uploaded(product, zipped_files({"mymod/a.py": "X = 5"}))
    put(product, "/api/packages/gcs/hellopkg-1.0-py3-none-any.whl", Path(hello).read_bytes())
    code = "import hellopkg, mymod.a; hellopkg.main(); print(mymod.a.X)"
    modules = [module, "gcs://hellopkg-1.0-py3-none-any.whl"]
    job = ran(product, f'python3 -c "{code}"', py_modules=modules)
    assert job["out"] == "version 1\n5\n", job


def test_a_directory_of_the_node_is_used_in_place(product: Product, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("in place")
    assert ran(product, "cat here.txt", working_dir=f"local://{tmp_path}")["out"] == "in place"
    missing = ran(product, "true", working_dir=f"local://{tmp_path}/none")
    assert missing["state"] == "FAILED"
    assert "does not exist on this node" in missing["cause"]


def test_an_archive_of_this_machine_loses_its_top_directory(product: Product, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped_files({"top/main.py": "print('stripped')"}))
    assert ran(product, "python3 main.py", working_dir=f"file://{tmp_path}/a.zip")["out"] == "stripped\n"


def test_an_archive_with_a_way_out_fails_the_job_and_writes_nothing(product: Product, tmp_path: Path) -> None:
    """Threat 19."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    behind = tarfile.TarInfo("link/written")
    archives = [
        (zipped_files({"../../../../../../../tmp/zip-slip": "x"}), "zip"),
        (zipped_files({str(tmp_path / "absolute"): "x"}), "zip"),
        (tarred(link, behind), "tar.gz"),
    ]
    for archive, ending in archives:
        job = ran(product, "true", working_dir=uploaded(product, archive, ending))
        assert "its member" in job["cause"], job
    assert list(tmp_path.iterdir()) == []
    assert not Path("/tmp/zip-slip").exists()


def test_a_waiting_job_says_what_is_set_up_and_its_cancel_ends_that(product: Product, tmp_path: Path) -> None:
    job_id = product.submit("true", runtime_env={"pip": [_slow(tmp_path)]})
    pid = wait_for(lambda: _read(tmp_path / "pid"), 60, "the build has begun")
    job = product.job(job_id)
    assert job["state"] == "PENDING"
    assert job["reason"].startswith("sets up its runtime environment: install")
    product.call("POST", f"/v1/jobs/{job_id}/cancel", {})
    product.until(job_id, "CANCELLED")
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or None, 60, "the build has ended")


def test_a_setup_that_takes_too_long_fails(product: Product) -> None:
    late = uploaded(product, zipped(a_txt="late"))
    job = ran(product, "true", working_dir=late, config={"setup_timeout_seconds": 0.001})
    assert job["state"] == "FAILED"
    assert "Timeout" in job["cause"]
    assert "setup_timeout_seconds" in job["cause"]


def test_tasks_of_an_array_each_have_their_own_files(product: Product) -> None:
    package = uploaded(product, zipped(a_txt="array"))
    job_id = product.submit(
        "test $(ls | wc -l) = 1 && touch mine-$LAUNCHYARD_ARRAY_INDEX && cat a.txt",
        array="1-4",
        runtime_env={"working_dir": package},
    )
    assert product.until(job_id, "COMPLETED", "FAILED")["state"] == "COMPLETED"


def test_an_array_that_cannot_be_set_up_fails_as_a_whole(product: Product) -> None:
    job_id = product.submit("true", array="1-4", runtime_env={"working_dir": "gcs://missing.zip"})
    job = product.until(job_id, "FAILED")
    assert "gcs://missing.zip does not exist" in job["cause"]


def test_what_contradicts_itself_is_refused_at_once(product: Product) -> None:
    for asked, said in (
        ({"pip": ["a"], "conda": "b"}, "of which one is possible"),
        ({"working_dir": "."}, "local path"),
        ({"env_vars": {"A": 1}}, "as text"),
    ):
        with pytest.raises(Refused, match=said):
            product.submit("true", runtime_env=asked)


def test_a_restart_during_a_setup_does_it_again(product: Product, hello: str) -> None:
    job_id = product.submit("hellopkg-says", begin_at="2099-01-01T00:00:00Z", runtime_env={"pip": [hello]})
    product.kill()
    product.start()
    product.call("POST", f"/v1/jobs/{job_id}/update", {"begin_at": "2020-01-01T00:00:00Z"})
    assert product.until(job_id, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    assert product.log(job_id) == b"version 1\n"


def test_a_daemon_that_is_killed_during_a_setup_does_it_again(product: Product, tmp_path: Path) -> None:
    job_id = product.submit("slowpkg-says", runtime_env={"pip": [_slow(tmp_path)]})
    pid = wait_for(lambda: _read(tmp_path / "pid"), 60, "the build has begun")
    product.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or None, 60, "the build has ended with it")
    (tmp_path / "go").touch()
    product.start()
    assert product.until(job_id, "COMPLETED", "FAILED")["state"] == "COMPLETED", _setup_log(product, job_id)
    assert product.log(job_id) == b"version 1\n"


def test_an_archive_of_the_network_is_fetched_again_only_when_it_has_changed(
    product: Product, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(zipped_files({"top/main.py": "print('one')"}))
    with served(tmp_path) as (address, answers):
        uri = f"{address}/a.zip"
        assert ran(product, "python3 main.py", working_dir=uri)["out"] == "one\n"
        assert ran(product, "python3 main.py", working_dir=uri)["out"] == "one\n"
        assert answers == [200, 304]
        (tmp_path / "a.zip").write_bytes(zipped_files({"top/main.py": "print('two')"}))
        os.utime(tmp_path / "a.zip", (2_000_000_000, 2_000_000_000))
        assert ran(product, "python3 main.py", working_dir=uri)["out"] == "two\n"
        gone = ran(product, "true", working_dir=f"{address}/none.zip")
        assert "cannot be fetched: 404" in gone["cause"]
    away = ran(product, "true", working_dir=f"{address.replace('//', '//ada:geheim@')}/b.zip")
    assert "cannot be fetched" in away["cause"]
    assert "geheim" not in away["cause"] + _setup_log(product, away["id"])


def test_an_address_of_a_bucket_needs_a_program_for_it(product: Product) -> None:
    with pytest.raises(Refused, match="needs aws or s5cmd on this machine"):
        product.submit("true", runtime_env={"working_dir": "s3://bucket/a.zip"})
    # Ray's clients expect that of the job.
    env = {"working_dir": "s3://does_not_exist.zip"}
    name = product.call("POST", "/api/jobs/", {"entrypoint": "true", "runtime_env": env})["submission_id"]
    told = wait_for(lambda: _failed(product, name), 60, "it fails")
    assert "Failed to set up runtime environment" in told["message"]


def test_a_shell_in_the_job_is_in_its_environment(product: Product, hello: str) -> None:
    env = {
        "pip": [hello],
        "working_dir": uploaded(product, zipped(a_txt="of the job")),
        "env_vars": {"WORD": "7"},
    }
    job_id = product.submit("sleep 300", runtime_env=env)
    product.until(job_id, "RUNNING")

    said = ly(product.state, "shell", str(job_id), "--", "sh", "-c", "hellopkg-says; cat a.txt; echo $WORD")

    assert said.code == 0, said
    assert said.out.split() == ["version", "1", "of", "the", "job7"]
    product.call("POST", f"/v1/jobs/{job_id}/cancel", {})


def test_conda_is_asked_for_environments_by_name_and_by_description(product: Product, tmp_path: Path) -> None:
    """By a program that stands in for conda: which words it gets, and what becomes of its environment."""
    named = tmp_path / "envs" / "mine" / "bin"
    named.mkdir(parents=True)
    (named / "tool").write_text("#!/bin/sh\necho named $CONDA_PREFIX\n")
    (named / "tool").chmod(0o755)
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text(CONDA.format(named=named.parent, log=tmp_path / "log"))
    conda.chmod(0o755)
    variables = {"PATH": f"{conda.parent}:/usr/bin:/bin"}
    found = []
    for asked in ("mine", {"dependencies": ["tool"]}, {"dependencies": ["tool"]}):
        job_id = product.submit("tool", environment=variables, runtime_env={"conda": asked})
        assert product.until(job_id, "COMPLETED", "FAILED")["state"] == "COMPLETED", _setup_log(
            product, job_id
        )
        found.append((job_id, product.log(job_id).decode()))

    assert [said for _, said in found] == [
        f"{kind} {product.state}/environments/0/jobs/{job_id}/conda\n"
        for kind, (job_id, _) in zip(("named", "made", "made"), found, strict=True)
    ]
    assert (tmp_path / "log").read_text().count("create") == 1
    missing = product.submit("tool", environment=variables, runtime_env={"conda": "other"})
    assert "there is no conda environment other" in product.until(missing, "FAILED")["cause"]
    with pytest.raises(Refused, match="there is none of conda, mamba, micromamba"):
        product.submit("tool", environment={"PATH": "/usr/bin:/bin"}, runtime_env={"conda": "mine"})


def test_a_build_that_wants_all_of_the_memory_fails_alone(product: Product, tmp_path: Path) -> None:
    source = tmp_path / "greedy"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "greedy"\nbackend-path = ["."]\n'
        '[project]\nname = "greedypkg"\nversion = "1.0"\n'
    )
    (source / "greedy.py").write_text(
        "def build_wheel(folder, *a, **k):\n"
        "    kept = bytearray(1500 << 20)\n"
        "    kept[::4096] = b'x' * len(kept[::4096])\n"
        "def get_requires_for_build_wheel(*a): return []\n"
    )

    job = ran(product, "true", pip=[f"greedypkg @ file://{source}"])

    assert job["state"] == "FAILED"
    assert "MemoryError" in job["cause"] or "memory" in job["cause"], job["cause"]
    assert product.running()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """The address under which the folder is served, and the status of each answer so far."""
    answers: list[int] = []

    class Handler(SimpleHTTPRequestHandler):
        """Serves the folder, and keeps count."""

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            answers.append(int(code))

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", answers
        server.shutdown()


def _failed(product: Product, name: str) -> Json | None:
    told: Json = product.call("GET", f"/api/jobs/{name}")
    return told if told["status"] == "FAILED" else None


def _slow(tmp_path: Path) -> str:
    """A requirement that is built once there is a file `go`; `pid` says who builds."""
    made = wheel(tmp_path, "slowpkg", "1.0", HELLO)
    source = tmp_path / "slow"
    source.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
        '[project]\nname = "slowpkg"\nversion = "1.0"\n'
    )
    (source / "slow.py").write_text(
        "import os, shutil, time\n"
        "def build_wheel(folder, *a, **k):\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        f"    while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.05)\n"
        f"    return os.path.basename(shutil.copy({str(made)!r}, folder))\n"
        "def get_requires_for_build_wheel(*a): return []\n"
    )
    return f"slowpkg @ file://{source}"


def _range(first: int, end: int, total: int) -> dict[str, str]:
    return {"Content-Range": f"bytes {first}-{end - 1}/{total}"}


def _setup_log(product: Product, job_id: int) -> str:
    text: bytes = product.call("GET", f"/v1/jobs/{job_id}/logs?stream=setup")
    return text.decode()


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() and path.read_text() else None


def test_conda_and_containers_are_refused_where_there_are_none(product: Product) -> None:
    for asked, said in (
        ({"conda": "science"}, "none of conda"),
        ({"image_uri": "some/image"}, "none of apptainer"),
    ):
        with pytest.raises(Refused, match=said):
            product.submit("true", runtime_env=asked, environment={"PATH": "/usr/bin"})


def test_conda_is_used_where_it_is(product: Product, tmp_path: Path) -> None:
    """A stand-in for conda: it makes an environment of one program, or tells of the one there is."""
    (tmp_path / "envs" / "science" / "bin").mkdir(parents=True)
    greet = "#!/bin/sh\\necho of $(basename $CONDA_PREFIX)\\n"
    (tmp_path / "conda").write_text(
        "#!/bin/sh\n"
        f'if [ "$2" = list ]; then echo \'{{"envs": ["{tmp_path}/envs/science"]}}\'; exit; fi\n'
        'grep -q numpy "$6" || { echo PackagesNotFoundError >&2; exit 1; }\n'
        f'mkdir -p "$4/bin"; printf \'{greet}\' > "$4/bin/greet"; chmod +x "$4/bin/greet"\n'
    )
    (tmp_path / "conda").chmod(0o755)
    (tmp_path / "envs/science/bin/greet").write_text("#!/bin/sh\necho of science\n")
    (tmp_path / "envs/science/bin/greet").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for asked, said in (
        ("science", "of science"),
        ({"dependencies": ["numpy"]}, "of conda"),
        ({"dependencies": ["nothing"]}, "PackagesNotFoundError"),
        ("other", "there is no conda environment other"),
    ):
        job_id = product.submit("greet", runtime_env={"conda": asked}, environment=environment)
        job = product.until(job_id, "COMPLETED", "FAILED")
        assert said in product.log(job_id).decode() + str(job["cause"])


def test_an_ended_job_that_is_put_back_is_set_up_again(product: Product) -> None:
    package = uploaded(product, zipped(a_txt="again"))
    job_id = product.submit("cat a.txt", array="1-2", runtime_env={"working_dir": package})
    product.until(job_id, "COMPLETED")
    product.call("POST", "/v1/acts", {"act": "requeue", "jobs": [f"{job_id}_1"]})
    wait_for(lambda: product.job(f"{job_id}_1")["attempt"] == 2 or None, 60, "its second attempt")
    product.until(f"{job_id}_1", "COMPLETED")
    assert product.log(f"{job_id}_1") == b"again"


def test_ly_shows_how_a_job_was_set_up(product: Product, hello: str) -> None:
    job = ran(product, "true", pip=[hello])
    shown = ly(product.state, "logs", "--setup", str(job["id"]))
    assert shown.code == 0, shown.err
    assert "done in" in shown.out


def test_what_many_ask_for_at_once_is_made_once(product: Product, tmp_path: Path) -> None:
    asked = {"pip": [str(wheel(tmp_path, "manypkg", "1.0", HELLO))]}
    jobs = [product.submit("manypkg-says", runtime_env=asked) for _ in range(6)]
    for job_id in jobs:
        product.until(job_id, "COMPLETED", "FAILED")
        assert product.log(job_id) == b"version 1\n"
    assert sum(_setup_log(product, job_id).count("uv pip install") for job_id in jobs) == 1


def test_an_attempt_after_a_requeue_finds_the_files_as_they_were_left(product: Product) -> None:
    package = uploaded(product, zipped(a_txt="first"))
    command = "cat a.txt; echo later > a.txt; test $LAUNCHYARD_ATTEMPT = 2 || sleep 600"
    job_id = product.submit(command, runtime_env={"working_dir": package})
    wait_for(lambda: product.log(job_id) == b"first" or None, 60, "its first attempt has begun")
    product.call("POST", f"/v1/jobs/{job_id}/requeue")
    assert product.until(job_id, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    assert product.log(job_id) == b"later\n"


def test_a_cancel_while_a_job_gets_its_files_ends_it(product: Product, hello: str) -> None:
    for _ in range(5):
        job_id = product.submit("sleep 600", runtime_env={"pip": [hello]})
        wait_for(lambda: product.job(job_id)["state"] != "PENDING" or None, 60, "it starts")  # noqa: B023
        product.call("POST", f"/v1/jobs/{job_id}/cancel", {})
        product.until(job_id, "CANCELLED")
