"""What users put into names, numbers, expressions and commands, and what becomes of it."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.product import PATIENCE_S, wait_for
from tests.threats.routes import NEVER_ENDS, Route, routes
from tests.threats.yard import ADA, LI, RUTH, Yard, home, run_as

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as several users"),
]
MARK = "mark93e1"


@pytest.fixture(scope="module")
def every(yard: Yard) -> list[Route]:
    return routes(yard)


# -- who somebody says to be

CLAIMS: dict[str, Any] = {
    **{
        "uid": 0,
        "gid": 0,
        "user": "root",
        "users": ["root"],
        "user_id": 0,
        "owner": "root",
        "username": "root",
    },
    **{"is_admin": True, "admin": True, "role": "administrator", "roles": ["administrator"], "groups": [0]},
    **{"daemon_user": "root", "run_as": "root", "sudo": True, "rights": ["rules"], "caller": {"uid": 0}},
}


def test_no_field_of_a_request_makes_anybody_somebody_else(yard: Yard, every: list[Route]) -> None:
    """Threat 11: on every writing route, in the body, in the query and in headers."""
    people = {"X-Remote-User": "root", "X-Forwarded-User": "root", "Remote-User": "root", "X-Uid": "0"}
    for one in every:
        if not one.writes or one.path in ("/logout", "/login"):
            continue
        names = {name: "987654321" if name in ("job", "session") else "nothing" for name in one.parameters}
        at = one.at(**names)
        for name, value in CLAIMS.items():
            if name in one.fields or (name == "users" and one.path.endswith("/share")):
                continue
            body = {**right(one), name: value}
            answer = yard.ask(one.method, at, body, user=LI, headers=people)
            # Ray's own clients may send what Ray does not know.
            assert answer.status >= 400 or one.path.startswith("/api/"), (one, name, answer)
        answer = yard.ask(one.method, f"{at}?user=root&uid=0&as=root&admin=1", right(one), user=LI)
        # Where a query counts for nothing it is passed over.
        assert answer.status >= 400 or '"user":"root"' not in answer.text, (one, answer)
    me = yard.ask("GET", "/v1/me", user=LI, headers=people).json
    assert (me["user"], me["role"]) == (LI, "user")
    assert {job["user"] for job in yard.ask("GET", "/v1/jobs", user=LI).json["jobs"]} <= {LI}
    assert {job["user"] for job in yard.ask("GET", "/v1/jobs?user=root", user=RUTH).json["jobs"]} == set()


def right(one: Route) -> dict[str, Any]:
    """A body that the route would take."""
    if one.path == "/v1/jobs":
        return {"command": "true"}
    return {"entrypoint": "true"} if one.path == "/api/jobs/" else {}


@pytest.mark.parametrize(
    "wish",
    [
        {"account": "secret"},
        {"account": "nothing"},
        {"account": ""},
        {"account": "physics' OR '1'='1"},
        {"qos": "root"},
        {"partition": "root"},
        {"cluster": "root"},
        {"nice": -100},
        {"metadata": {"launchyard.uid": "0"}, "account": "secret"},
        {"environment": {"LAUNCHYARD_UID": "0", "USER": "root"}, "account": "secret"},
    ],
)
def test_no_account_or_queue_that_was_not_granted(yard: Yard, wish: dict[str, Any]) -> None:
    """Threat 11: at submission, in an update, as Ray's clients and as Slurm's commands ask."""
    refused = yard.ask("POST", "/v1/jobs", {"command": "true", **wish}, user=LI)
    assert refused.status in (400, 403, 422), refused
    job = yard.submit(LI, hold=True)
    changed = yard.ask("POST", f"/v1/jobs/{job}/update", wish, user=LI)
    assert changed.status >= 400, changed
    assert yard.ask("GET", f"/v1/jobs/{job}", user=LI).json["account"] == "physics"
    assert yard.ask("POST", f"/v1/jobs/{job}/cancel", user=LI).status == 200
    if "account" in wish:
        done = yard.ly(LI, f"--account={wish['account']}", "--wrap=true", within="sbatch")
        assert done.returncode != 0, done


def test_a_job_is_its_submitters_whatever_it_says(yard: Yard) -> None:
    """Threat 11: variables and metadata are words."""
    claimed = {
        "USER": "root",
        "LOGNAME": "root",
        "HOME": "/root",
        "LAUNCHYARD_UID": "0",
        "SLURM_JOB_UID": "0",
    }
    job = yard.submit(LI, "id -u; id -un", environment=claimed, metadata={"uid": "0", "user": "root"})
    assert yard.ended(LI, job)["state"] == "COMPLETED"
    said = yard.ask("GET", f"/v1/jobs/{job}/logs", user=LI).text.split()
    assert said == [str(home(LI).stat().st_uid), LI]
    sent = {"entrypoint": "id -un", "metadata": {"job_submission_id": "x", "user": "root"}, "user": "root"}
    made = yard.ask("POST", "/api/jobs/", sent, user=LI)
    if made.status == 200:
        number = made.json["submission_id"]

        def log() -> str | None:
            told = yard.ask("GET", f"/api/jobs/{number}", user=LI).json["status"]
            return yard.ask("GET", f"/api/jobs/{number}/logs", user=LI).text if told == "SUCCEEDED" else None

        assert LI in wait_for(log, PATIENCE_S, "Ray's job has ended", 0.1)


# -- words of SQL

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE jobs;--",
    "1) UNION SELECT * FROM tokens--",
    "%' OR uid>0 OR name LIKE '%",
)


def test_no_filter_order_or_search_is_sql(yard: Yard, every: list[Route]) -> None:
    """Threat 26: every parameter of every list; nothing of anybody else's is told and nothing is gone."""
    job = yard.submit(ADA, f"echo {MARK}; sleep 600", name=MARK)
    yard.runs(ADA, job)
    counted = yard.ask("GET", "/v1/status", user=RUTH).json
    asked = 0
    for one in every:
        if one.method != "GET" or one.path == NEVER_ENDS or one.path.startswith("/v1/files"):
            continue
        for name in one.queries:
            for text in SQL:
                word = "".join(f"%{byte:02x}" for byte in text.encode())
                answer = yard.ask("GET", f"{one.at()}?{name}={word}", user=LI)
                assert answer.status < 500, (one, name, text, answer)
                assert MARK not in answer.text, (one, name, text)
                asked += 1
    assert asked > 200
    assert yard.ask("GET", f"/v1/jobs/{job}", user=ADA).json["name"] == MARK
    assert yard.ask("GET", "/v1/status", user=RUTH).json["jobs"] == counted["jobs"]
    for text in SQL:
        made = yard.submit(LI, name=text, group=text[:60], hold=True)
        found = yard.ask("GET", "/v1/jobs?limit=100", user=LI).json["jobs"]
        assert [one["name"] for one in found if one["id"] == made] == [text]
        assert yard.ask("POST", f"/v1/jobs/{made}/cancel", user=LI).status == 200
    assert yard.ask("POST", f"/v1/jobs/{job}/cancel", user=ADA).status == 200


# -- words of a shell


@pytest.fixture
def trap(yard: Yard) -> Iterator[Path]:
    """A file that is there once some shell has run what it should not; every user could make it."""
    folder = yard.folder / "trap"
    folder.mkdir()
    folder.chmod(0o1777)
    yield folder / "sprung"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def hostile(trap: Path) -> list[str]:
    return [
        f"$(touch {trap})",
        f"`touch {trap}`",
        f"; touch {trap} ;",
        f"a' ; touch {trap} ; '",
        f'a" ; touch {trap} ; "',
        f"| touch {trap} #",
        f"--wrap=touch {trap}",
        f"-o{trap}",
        f"--output={trap}",
        f"--export=ALL,X=$(touch {trap})",
        f"${{IFS}}touch{trap}",
        f"#SBATCH --wrap='touch {trap}'",
    ]


FIELDS = (
    "name",
    "group",
    "account",
    "partition",
    "qos",
    "comment",
    "working_dir",
    "stdout",
    "stderr",
    "stdin",
)
WISHES = ("constraint", "nodelist", "exclude", "licences", "reservation", "gpu_type")


def test_no_value_is_a_piece_of_a_command(yard: Yard, trap: Path) -> None:
    """Threat 27: of jobs on this machine, and of those given to Slurm; only what is a command runs."""
    for cluster in ("local", "lab"):
        jobs = []
        for word in hostile(trap):
            for field in FIELDS:
                made = yard.ask(
                    "POST", "/v1/jobs", {"command": ["true"], "cluster": cluster, field: word}, user=ADA
                )
                jobs += [made.json["id"]] if made.status == 201 else []
            for wish in WISHES:
                yard.ask("POST", "/v1/jobs", {"command": ["true"], "resources": {wish: word}}, user=ADA)
            body = {
                "command": ["true", word],
                "environment": {"X": word},
                "metadata": {"slurm.comment": word},
            }
            jobs.append(
                yard.ask("POST", "/v1/jobs", {**body, "name": word, "cluster": cluster}, user=ADA).json["id"]
            )
        assert len(jobs) >= 2 * len(hostile(trap))
        if cluster == "local":
            for job in jobs:
                yard.ended(ADA, job)
        else:
            given = wait_for(lambda: words_of(yard, ADA), PATIENCE_S, "Slurm was given a job", 0.1)
            assert given
            yard.ask("POST", "/v1/acts", {"act": "cancel", "jobs": [str(job) for job in jobs]}, user=ADA)
    assert not trap.exists()
    assert list(trap.parent.iterdir()) == []
    checked(words_of(yard, ADA))


def words_of(yard: Yard, user: str) -> list[str]:
    """All that programs of Slurm's names were given by this user."""
    path = yard.folder / "slurm" / "log" / f"words.{home(user).stat().st_uid}"
    return path.read_bytes().decode().split("\0") if path.exists() else []


VALUED = {"job-name", "comment", "account", "qos", "partition", "chdir", "output", "error", "input"}


def checked(words: list[str]) -> None:
    """No word of a user's stands where an option could be."""
    hostile = [word for word in words if "touch" in word or "sprung" in word]
    assert hostile
    for word in hostile:
        option, equals, _ = word.partition("=")
        assert equals, word
        assert option.removeprefix("--") in VALUED, word
        assert option != "--output" or word.startswith("--output=/"), word


@pytest.mark.parametrize("program", ["sbatch", "squeue", "scontrol"])
def test_no_word_of_a_drop_in_command_is_run(yard: Yard, trap: Path, program: str) -> None:
    """Threat 27: typed by the user, as a name, a user, a node or a format."""
    for word in hostile(trap)[1:3]:
        words = {
            "sbatch": [f"--job-name={word}", f"--comment={word}", "--hold", "--wrap=true"],
            "scontrol": ["show", "hostlist", word],
        }.get(program, ["-n", word])
        yard.ly(ADA, *words, within=program)
    assert not trap.exists()


# -- what a terminal would do

ESCAPES = "\x1b[31m\x1b]0;owned\x07\x08\x9b2J\r\n\u202e\x00"


def test_nothing_of_a_users_writes_to_another_ones_terminal(yard: Yard) -> None:
    """Threat 25: what may be in a name, a command, a path or a variable, in each table that ruth reads."""
    for field in ("name", "group", "account", "partition", "submission_id"):
        for char in (one for one in ESCAPES if not one.isprintable()):
            refused = yard.ask("POST", "/v1/jobs", {"command": "true", field: f"a{char}b"}, user=ADA)
            assert refused.status >= 400, (field, char)
            assert refused.json["detail"].isprintable(), refused
    odd = ESCAPES.replace("\x00", "")
    folder = home(ADA) / f"threat{odd.replace('/', '')}"
    assert run_as(ADA, "mkdir", "-p", str(folder)).returncode == 0
    body: dict[str, Any] = {
        **{"command": ["sh", "-c", f"printf '{odd}' >&2; exit 3", odd], "working_dir": str(folder)},
        **{
            "environment": {"X": odd},
            "metadata": {"x": odd, "slurm.comment": odd},
            "stdout": f"{folder}/out{odd}",
        },
    }
    made = yard.ask("POST", "/v1/jobs", {**body, "group": "odd"}, user=ADA)
    if made.status != 201:
        body = {"command": body["command"]}
        made = yard.ask("POST", "/v1/jobs", {**body, "group": "odd"}, user=ADA)
    assert made.status == 201, made
    job = str(made.json["id"])
    assert yard.ended(ADA, int(job))["exit_code"] == 3
    sent = {"entrypoint": f"true {odd}", "metadata": {"a": odd}, "submission_id": "raysubmit_odd"}
    yard.ask("POST", "/api/jobs/", sent, user=ADA)
    yard.ask("POST", "/v1/tokens", {"name": "x"}, user=ADA, headers={"User-Agent": odd.replace("\r\n", "")})
    for words in (
        *(("jobs", "--all"), ("show", job), ("why", job), ("token", "list"), ("efficiency", job)),
        *(("wait", job), ("nodes",), ("session", "list")),
    ):
        done = yard.ly(RUTH, *words)
        plain(done.stdout + done.stderr, words)
    for program, *more in (
        *(("squeue", "-t", "all", "-o", "%i %j %Z %o %k %c"), ("scontrol", "show", "job", job)),
        *(("sacct", "-a", "--format=JobID,JobName%80,WorkDir%200,Comment%80,SubmitLine%200"),),
    ):
        done = yard.ly(RUTH, *more, within=program)
        plain(done.stdout + done.stderr, (program, *more))
    assert run_as(ADA, "rm", "-rf", str(folder)).returncode == 0


def plain(said: bytes, asked: object) -> None:
    """It is lines of text."""
    text = said.decode()
    for char in text.replace("\n", ""):
        assert char >= " ", (asked, text)
        assert char not in "\x7f\x9b\u202e", (asked, text)


def test_nothing_of_a_request_breaks_a_line_of_the_servers_logs(yard: Yard) -> None:
    """Threat 25: a path, a header, a user's name that are control characters or look like a record."""
    fake = '%0a{"at":"2026","event":"done","user":"root"}%0d%1b[2J'
    for path in (f"/v1/{fake}", f"/session/{fake}/x", f"/v1/jobs/{fake}", f"/api/jobs/{fake}", f"/ray{fake}"):
        for headers in ({}, {"User-Agent": "\x1b[31m", "X-Forwarded-For": "1\x1b[2J"}):
            yard.ask("GET", path, headers=headers)
            yard.ask("POST", path, {}, user=LI, headers=headers)
    yard.ask("POST", "/login", {"provider": "link", "code": "x\n\x1b[2J", "user": "root\nx"})
    for log in (yard.state / "daemon").glob("*.log*"):
        for line in log.read_text(errors="strict").splitlines():
            assert all(char >= " " or char == "\t" for char in line), (log, line)
    assert all(one["user"] != "root" or one["from"].startswith("uid 0 ") for one in yard.audit())


# -- what takes for ever

WIDE = 20_000
SLOW = (
    *(
        "(" * WIDE,
        "1-" * WIDE,
        "1," * WIDE + "x",
        " " * WIDE + "!",
        "n[" + "1-9," * WIDE + "]",
        "n[0-99999999999]",
    ),
    *("n[1-9]" * 2_000, "a&" * WIDE, "a|(" * 5_000, "\t" * WIDE + "1", "${" * 10_000, "0" * WIDE + "1"),
)
EXPRESSIONS = (
    *(
        "array",
        "after",
        "begin_at",
        "deadline_at",
        "name",
        "partition",
        "working_dir",
        "stdout",
        "group",
        "qos",
    ),
    *(
        "resources.constraint",
        "resources.nodelist",
        "resources.exclude",
        "resources.licences",
        "resources.gpu_type",
    ),
    *("resources.reservation", "warning", "submission_id", "account", "cluster", "command"),
)


def test_no_expression_takes_longer_than_its_letters(yard: Yard, every: list[Route]) -> None:
    """Threat 42: of a job, of a filter, of Ray's and Slurm's ways to say it; by the server's own time."""

    def refused(field: str, text: str) -> None:
        outer, _, inner = field.rpartition(".")
        value = {inner: [text] if inner in ("nodelist", "exclude", "licences") else text}
        body = {"command": "true", "hold": True, "dry_run": True, **({outer: value} if outer else value)}
        yard.ask("POST", "/v1/jobs", body, user=LI)

    plainly = worst = 0.0
    for field in EXPRESSIONS:
        for text in SLOW:
            began = yard.cpu_s()
            refused(field, "x" * len(text))
            between = yard.cpu_s()
            refused(field, text)
            plainly, worst = plainly + between - began, worst + yard.cpu_s() - between
    filters = [(one, name) for one in every if one.method == "GET" for name in one.queries]
    began = yard.cpu_s()
    for one, name in filters:
        if one.path == NEVER_ENDS or one.path.startswith("/v1/files"):
            continue
        for text in (
            "a" * 30_000,
            "(" * 30_000,
            "1-" * 15_000,
            "[[" * 15_000,
            "n[1-999999999]",
            "0" * 30_000 + "x",
        ):
            yard.ask("GET", f"{one.at()}?{name}={text}", user=LI)
    of_filters = yard.cpu_s() - began
    assert worst <= 4 * plainly + 5, (worst, plainly)
    assert of_filters <= 0.02 * len(filters) * 3 + 5, of_filters


def test_no_notebook_keeps_the_server_from_answering(yard: Yard) -> None:
    """Threat 42: a cell that takes long to read is read by its user's own process, or not at all."""
    session = yard.session(ADA)
    folder = Path(yard.ask("GET", f"/v1/jobs/{session}", user=ADA).json["working_dir"])
    cases = {
        "blanks": ("R", "x = a" + " " * 4_000 + "b\n"),
        "many": ("R", "x <- 1\n" * 200_000),
        "long": ("python", "x = 1\n" * 300_000),
        "deep": ("python", "x = " + "-" * 100_000 + "1\n"),
        "wide": ("python", "x = [" + "1," * 300_000 + "]\n"),
    }
    began = yard.cpu_s()
    for name, (language, source) in cases.items():
        cell = {"cell_type": "code", "source": source, "metadata": {"tags": ["parameters"]}, "outputs": []}
        kernel = {"kernelspec": {"name": "x", "display_name": "x", "language": language}}
        text = json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
        saved = yard.ask("PUT", "/v1/files/text", {"path": f"{folder}/{name}.ipynb", "text": text}, user=ADA)
        if saved.status != 200:
            path = yard.folder / f"{name}.ipynb"
            path.write_text(text)
            path.chmod(0o644)
            assert run_as(ADA, "cp", str(path), f"{folder}/{name}.ipynb").returncode == 0
        answer = yard.ask("GET", f"/v1/sessions/{session}/notebook?path={name}.ipynb", user=ADA)
        assert answer.status < 500 or answer.status == 503, answer
        assert run_as(ADA, "rm", "-f", f"{folder}/{name}.ipynb").returncode == 0
    assert yard.cpu_s() - began < 10
    assert yard.ask("POST", f"/v1/sessions/{session}/stop", user=ADA).status == 200


# -- what is very much

HUGE = (
    "0-999999999",
    "1-1000000000",
    "0-4000001",
    "0-99999999999999999999",
    "1,1000000000",
    "0-1000000000:2",
)


def test_an_array_of_a_thousand_million_is_refused_at_no_cost(yard: Yard) -> None:
    """Threat 41: by the API, by `ly`, by sbatch."""
    before, began = yard.rss_mib(), yard.cpu_s()
    for indexes in HUGE:
        assert yard.ask("POST", "/v1/jobs", {"command": "true", "array": indexes}, user=LI).status == 400
    for done in (
        yard.ly(LI, "submit", "-a", HUGE[0], "--", "true"),
        yard.ly(LI, f"--array={HUGE[0]}", "--wrap=true", within="sbatch"),
    ):
        assert done.returncode != 0
        assert b"Traceback" not in done.stderr
    assert yard.rss_mib() - before < 50
    assert yard.cpu_s() - began < 5


def test_the_largest_array_is_one_record(yard: Yard) -> None:
    """Threat 41: four million tasks that wait take no memory, and nobody waits for them."""
    before, began = yard.rss_mib(), time.monotonic()
    job = yard.submit(LI, array="0-3999999", hold=True)
    assert yard.ask("GET", f"/v1/jobs/{job}_3999999", user=LI).status == 200
    assert yard.ask("GET", "/v1/tables/jobs", user=LI).status == 200
    assert yard.ask("GET", f"/v1/jobs/{job}/tasks", user=LI).status == 200
    assert len(yard.ask("GET", f"/v1/jobs/{job}", user=LI).body) < 10_000
    assert yard.ask("POST", f"/v1/jobs/{job}/cancel", user=LI).status == 200
    assert yard.rss_mib() - before < 100
    assert time.monotonic() - began < 60
