"""What people get wrong: one sentence with the value, exit code 2 (1 where the server refuses), and, where a
command is suggested, one that works when it is run.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.ly import ly
from tests.system.product import Product

MISSING = 999_999


class Wrong(NamedTuple):
    """What is typed, what is said, and what to type instead."""

    words: str
    said: str
    instead: str | None = None
    code: int = 2


# `ENDED` and `HELD` are jobs of that kind. Words are split at blanks; `''` is an empty word.
TABLE = (
    Wrong("jbos", "`ly` has no command 'jbos'; did you mean `ly jobs`?", "jobs"),
    Wrong("nodes resum node", "`ly nodes` has no command 'resum'; did you mean `ly nodes resume`?"),
    Wrong(
        "submit --mems 1G -- true",
        "`ly submit` has no option --mems; did you mean --mem?",
        "submit --mem 1G -- true",
    ),
    Wrong("submit --mem", "--mem needs a value"),
    Wrong("submit --mem 4 -- true", '"4": 4 MiB? write 4M or 4G', "submit --mem 4M -- true"),
    Wrong(
        "submit --mem 4GG -- true",
        'the memory "4GG" has an unknown unit: "GG". Write a number and K, M, G or T: 4000M, 4G, 0.5T.',
        "submit --mem 0.5G -- true",
    ),
    Wrong(
        "submit -t 2x -- true",
        'the time "2x" is not understood at "2x". Write minutes (90), HH:MM:SS (01:30:00), '
        "D-HH:MM:SS (1-12:00:00), a short form (1h30m) or UNLIMITED.",
        "submit -t 1h30m -- true",
    ),
    Wrong("submit -c two -- true", "--cpus: 'two' is not a number", "submit -c 2 -- true"),
    Wrong("submit -c -1 -- true", "--cpus -1: ask for 0 or more, or leave --cpus out", "submit -c 0 -- true"),
    Wrong(
        "submit -c 99 -- true",
        "no node has 99 CPUs; the largest has 4: ask for --cpus 4 or less",
        "submit --cpus 4 -- true",
    ),
    Wrong(
        "submit --mem 512G -- true",
        "no node has 512 GiB; the largest has 4 GiB: ask for --mem 4096M or less",
        "submit --mem 4096M -- true",
    ),
    Wrong("submit --gpus 1 -- true", "no node has a GPU, 1 asked for; leave out --gpus", "submit -- true"),
    Wrong(
        "submit --nodes 3 -- true",
        "3 nodes asked for; partition main has 1: ask for --nodes 1 or less",
        "submit --nodes 1 -- true",
    ),
    Wrong(
        "submit --nodes 3-2 -- true",
        'the nodes "3-2" run backwards. Write 2-3.',
    ),
    Wrong(
        "submit --nodelist n7 -- true",
        'there is no node "n7"; there are: node',
        "submit --nodelist node -- true",
    ),
    Wrong(
        "submit --licences matlab -- true",
        'there is no licence "matlab"; there are none',
    ),
    Wrong("submit -p gpu -- true", "there is no partition 'gpu'; there are: main", "submit -p main -- true"),
    Wrong(
        "submit -a 1-1000000000 -- true",
        'the array\'s index 1000000000 in "1-1000000000" is too large; the largest is 4000000',
    ),
    Wrong(
        "submit -a 5-1 -- true",
        'the array\'s range "5-1" runs backwards. Write 1-5.',
        "submit --hold -a 1-5 -- true",
    ),
    Wrong(
        "submit --after ENDED -- true",
        'the dependency "ENDED" does not say on what of that job. Write afterok:ENDED.',
        "submit --after afterok:ENDED -- true",
    ),
    Wrong(
        f"submit --after afterok:{MISSING} -- true",
        f"no job {MISSING} to wait for, or it is not yours; see `ly jobs --all`",
        "jobs --all",
    ),
    Wrong(
        "submit --begin soon -- true",
        'the begin time "soon" is not understood. '
        "Write for example 16:00, tomorrow, 2026-12-01T10:00 or now+1hour.",
        "submit --begin now+1hour -- true",
    ),
    Wrong(
        "submit -C /nowhere -- true",
        'the directory "/nowhere" is not there; name another with --chdir DIR',
        "submit --chdir / -- true",
    ),
    Wrong(
        "submit --warn-signal USR9 -- true",
        'there is no signal "USR9". Write for example TERM, INT, USR1 or 10.',
        "submit --warn-signal USR1 -- true",
    ),
    Wrong("submit -n '' -- true", "name is empty; leave it out or name something", "submit -n x -- true"),
    Wrong(
        "submit",
        "nothing to submit: name a script, or a command after --, like: ly submit -- hostname",
        "submit -- hostname",
    ),
    Wrong(
        "submit missing.sh",
        'there is no script "missing.sh"; a command goes after --: ly submit -- missing.sh',
        "submit -- missing.sh",
    ),
    Wrong(
        "submit train.py",
        "train.py has no #! line, so nothing says what runs it. Try: ly submit -- python train.py",
        "submit -- python train.py",
    ),
    Wrong(
        "submit dos.sh",
        "dos.sh has Windows line ends, so its #! line names no program. Try: sed -i 's/\\r$//' dos.sh",
    ),
    Wrong(
        "submit program",
        "program is a program, not a script. Try: ly submit -- ./program",
        "submit -- ./program",
    ),
    Wrong("submit folder", "folder is not a file; name a script, or give a command after --"),
    Wrong(
        "submit misspelt.sh",
        'misspelt.sh line 2: #SBATCH has an unknown option: "--ntask-per-node"; '
        "did you mean --ntasks-per-node?",
    ),
    Wrong("submit unitless.sh", 'unitless.sh line 2: #LY --mem=4: "4": 4 MiB? write 4M or 4G'),
    Wrong(f"show {MISSING}", f"no job {MISSING}, or it is not yours", code=1),
    Wrong("cancel job12", '"job12" is not a job\'s id; write for example 12, 14-16 or 20_3'),
    Wrong("cancel 1-1000000000", '"1-1000000000" names 1000000000 jobs; at most 10000 can be named at once'),
    Wrong(
        "update HELD",
        "nothing is to be changed; name an option, for example: ly update 12 -t 1h",
        "update HELD -t 1h",
    ),
    Wrong(
        "release ENDED",
        "job ENDED has ended (COMPLETED); `ly rerun ENDED` runs it again",
        "rerun ENDED",
        code=1,
    ),
    Wrong("jobs --limit 0", "--limit: 0 is too small; the least is 1", "jobs --limit 1"),
    Wrong(
        "jobs --since soon",
        '--since "soon" is not understood; write for example 2h, 14:00 or 2026-12-01',
        "jobs --since 2h",
    ),
    Wrong("shell HELD", "job HELD is PENDING; a shell opens in a running job only", code=1),
    Wrong("run", "`ly run` needs -- COMMAND...; `ly run --help` shows how", "run --help"),
    Wrong(
        "--url nonsense jobs",
        "'nonsense' is not the address of a server; write it like http://127.0.0.1:8265",
    ),
    Wrong(
        "token revoke nope",
        'no token "nope", or it is not yours; `ly token list` has them',
        "token list",
        code=1,
    ),
    Wrong("nodes drain nope", "there is no node 'nope'; there are: node", "nodes drain node", 1),
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    one = Product(tmp_path_factory.mktemp("wrong") / "state")
    one.start()
    yield one
    one.destroy()


@pytest.fixture(scope="module")
def jobs(product: Product) -> dict[str, str]:
    """One job that has ended and one that is held."""
    ended, held = product.submit(["true"]), product.submit(["true"], hold=True)
    product.until(ended, "COMPLETED")
    return {"ENDED": str(ended), "HELD": str(held)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with the wrong files."""
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "dos.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")
    (tmp_path / "program").write_bytes(Path("/bin/true").read_bytes())
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "misspelt.sh").write_text("#!/bin/sh\n#SBATCH --ntask-per-node=4\necho\n")
    (tmp_path / "unitless.sh").write_text("#!/bin/sh\n#LY --mem 4\necho\n")
    return tmp_path


def named(text: str, jobs: dict[str, str]) -> str:
    for word, job_id in jobs.items():
        text = text.replace(word, job_id)
    return text


def typed(text: str) -> list[str]:
    return ["" if word == "''" else word for word in text.split()]


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.words[:40].replace(" ", "_"))
def test_wrong_input_is_one_sentence_and_its_suggestion_works(
    product: Product, jobs: dict[str, str], folder: Path, wrong: Wrong
) -> None:
    result = ly(product.state, *typed(named(wrong.words, jobs)), cwd=folder)

    assert (result.code, result.out) == (wrong.code, "")
    assert result.err == f"ly: {named(wrong.said, jobs)}\n"
    if wrong.instead is not None:
        better = ly(product.state, *typed(named(wrong.instead, jobs)), cwd=folder)
        assert (better.code, better.err) == (0, "")


def test_table_has_the_inputs_that_were_promised() -> None:
    assert len(TABLE) >= 30


def test_command_without_a_server_says_how_to_start_one(tmp_path: Path) -> None:
    result = ly(tmp_path, "jobs")

    assert result == (
        1,
        "",
        f"ly: no Launchyard is running here (looked at {tmp_path}/run/api.sock): start one with `ly up`\n",
    )


def test_second_server_on_a_state_is_refused(product: Product) -> None:
    result = ly(product.state, "up", "-d", "--config", str(product.config))

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"ly: Launchyard already runs on {product.state} (pid {product.pid}); "
        "use it, or stop it with `ly down`\n"
    )


def test_port_that_is_taken_is_named(product: Product, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["up", "-d", "--config", str(product.config), "--listen", f"127.0.0.1:{port}"]

        result = ly(tmp_path / "state", *words)

    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"ly: port {port} of 127.0.0.1 is taken; name another, such as --listen 127.0.0.1:{port + 1}\n"
    )


def test_misspelt_setting_is_named_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('listen = "127.0.0.1:0"\ngrace = 5\n')
    config.chmod(0o600)

    result = ly(tmp_path / "state", "up", "-d", "--config", str(config))

    assert (result.code, result.out) == (2, "")
    assert f"{config}" in result.err
    assert "line 2" in result.err
    assert "grace_s" in result.err
