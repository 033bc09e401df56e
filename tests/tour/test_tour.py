"""From the wheel to a service with two users, as an operator and as they would go about it (threats 10, 28).

Each test goes on where the one before it stopped, at one installation below /opt.
"""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from launchyard.cli.main import ly
from tests.system.product import PATIENCE_S, job_pids, listening_port, wait_for
from tests.tour.people import Person, Said, octets
from tests.tour.site import (
    ADA,
    LI,
    NEXT_VERSION,
    SERVER_NAME,
    VERSION,
    Site,
    install,
    installed_site,
    next_wheel,
)
from tests.tour.strangers import (
    ABOUT_JOBS,
    LISTING,
    NAMING,
    NUMBERS,
    OTHER_ARGUMENTS,
    SLURM,
    Things,
    arguments,
    commands,
    question,
    spoken,
    without,
)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it installs a service and acts as two users"),
    pytest.mark.timeout(900),
]
JOBS_EACH = 25
MARK = "mark7c1f"
"""In the name, command, variables, output and folder of all that is ada's."""


@dataclass(kw_only=True)
class Tour:
    """The installation, who is there, and what ada has."""

    site: Site
    ada: Person
    li: Person
    theirs: Things
    nobodys: Things


@pytest.fixture(scope="module")
def tour() -> Iterator[Tour]:
    with installed_site() as site:
        ada, li = Person(ADA, site), Person(LI, site)
        # Numbers of hers that stand for nothing else in any answer.
        li.ask("POST", "/v1/jobs", [{"command": "true", "hold": True, "group": "first"}] * 300)
        assert li.runs("ly", "cancel", "--group", "first").code == 0
        theirs = belongings(ada)
        yield Tour(site=site, ada=ada, li=li, theirs=theirs, nobodys=nothing_like(theirs))


def belongings(ada: Person) -> Things:
    """One of everything that can be hers, each at work."""
    words = f"echo {MARK} of the output; exec sleep 900"
    job = ada.submits(words, name=MARK, environment={"WORD": MARK}, metadata={"word": MARK}, group=MARK)
    array = ada.submits(words, name=MARK, array="1-2")
    session = ada.makes("/v1/sessions", {"app": "shell", "name": MARK})["id"]
    ada.makes("/api/jobs/", {"entrypoint": words, "submission_id": f"raysubmit_{MARK}"})
    package = "5f" * 32 + ".zip"
    for number in (job, session):
        ada.sees_run(number)
    for path, word in (
        (f"/v1/jobs/{job}/logs", MARK),
        (f"/v1/sessions/{session}", '"state":"running"'),
        (f"/api/jobs/raysubmit_{MARK}", '"status":"RUNNING"'),
    ):
        ada.sees(path, word)
    ada.ask("PUT", f"/api/packages/gcs/{package}", octets(b"PK\5\6" + bytes(18)))
    return Things(
        job=str(job),
        array=str(array),
        session=str(session),
        submission=f"raysubmit_{MARK}",
        token=ada.makes("/v1/tokens", {"name": MARK})["id"],
        terminal=ada.makes("/v1/terminals", {})["id"],
        package=package,
    )


def nothing_like(things: Things) -> Things:
    """Names as long as those, of what there never was."""
    return Things(
        job=str(int(things.job) + 400),
        array=str(int(things.array) + 400),
        session=str(int(things.session) + 400),
        submission="raysubmit_" + "0" * len(MARK),
        token="0" * len(things.token),
        terminal="0" * len(things.terminal),
        package="00" * 32 + ".zip",
    )


# -- what was installed


def test_what_is_installed_is_roots_and_every_user_can_run_it(tour: Tour) -> None:
    for path in (tour.site.prefix, *tour.site.prefix.rglob("*")):
        if not path.is_symlink():
            found = path.stat()
            assert found.st_uid == 0, path
            assert not found.st_mode & 0o022, path
    assert tour.li.runs("ly", "--version").out == f"Launchyard {VERSION}\n"
    assert tour.li.ask("GET", "/v1/me").json["version"] == VERSION


def test_its_units_are_right(tour: Tour) -> None:
    assert [unit.name for unit in tour.site.units] == ["launchyard-launcher.service", "launchyard.service"]
    for unit in (tour.site.daemon_unit, tour.site.launcher_unit):
        assert (unit.values["KillMode"], unit.values["Delegate"]) == ("process", "yes")
        assert unit.values["ExecStart"].startswith(f"{tour.site.prefix}/bin/python -P -m launchyard.")
    if program := shutil.which("systemd-analyze"):
        words = [program, "verify", "--man=no", *map(str, tour.site.units)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert "launchyard" not in done.stderr, done.stderr


def test_the_launcher_stays_root_the_daemon_does_not_and_a_job_is_its_users(tour: Tour) -> None:
    """Threat 12."""
    daemon = tour.site.daemon
    assert daemon is not None
    assert Path(f"/proc/{daemon.pid}").owner() == "launchyard"
    assert Path(f"/proc/{tour.site.launcher_unit.pid}").owner() == "root"
    for person in (tour.ada, tour.li):
        job = person.submits("id -un; id -u; umask")
        assert person.sees_end(job)["state"] == "COMPLETED"
        name = person.ask("GET", f"/v1/jobs/{job}/logs").body.decode().splitlines()[0]
        assert name == person.name


# -- between the two


@pytest.mark.parametrize(("method", "path"), NAMING, ids=lambda part: part.replace("/", "."))
def test_what_is_somebody_elses_is_answered_like_what_never_was(tour: Tour, method: str, path: str) -> None:
    """Threats 10, 28: on every route that names a thing; by status, headers and text."""
    asked = [question(method, path, things) for things in (tour.theirs, tour.nobodys)]
    theirs, nothing = tour.li.asks(asked)
    if path.startswith(("/v1/packages", "/api/packages")) and method == "PUT":
        # Whoever has the content may send it; whether somebody else has it too is not told.
        assert theirs.status == nothing.status
        return
    assert theirs.status in (403, 404), theirs
    assert plain(theirs, tour.theirs) == plain(nothing, tour.nobodys)


def plain(said: Said, things: Things) -> tuple[int, dict[str, str], str]:
    headers = {
        name: value for name, value in said.headers.items() if name.lower() not in ("date", "content-length")
    }
    return said.status, headers, without(things.words, said.body.decode())


def test_of_a_task_of_somebody_elses_array_nothing_is_told_either(tour: Tour) -> None:
    for number in ("1", "3"):
        for tail in ("", "/logs", "/why"):
            asked = [
                ("GET", f"/v1/jobs/{one.array}_{number}{tail}", None) for one in (tour.theirs, tour.nobodys)
            ]
            theirs, nothing = tour.li.asks(asked)
            assert theirs.status == 404
            assert plain(theirs, tour.theirs) == plain(nothing, tour.nobodys)


@pytest.mark.parametrize("path", LISTING, ids=lambda part: part.replace("/", "."))
def test_no_list_tells_of_what_is_somebody_elses(tour: Tour, path: str) -> None:
    """Threat 10: whatever is filtered by, also by the id itself."""
    things = tour.theirs
    filters = (
        "",
        f"?ids={things.job}",
        f"?job={things.job}",
        f"?user={ADA}",
        f"?users={ADA}",
        f"?name={MARK}",
    )
    answers = tour.li.asks([("GET", path + one, None) for one in filters])
    for said in answers:
        assert said.status < 500, said
        assert MARK not in said.body.decode("latin-1"), said
        assert things.token not in said.body.decode("latin-1")
        assert things.terminal not in said.body.decode("latin-1")


def test_many_jobs_at_once_are_acted_on_as_if_they_were_not_there(tour: Tour) -> None:
    """Threat 10."""
    for act in ("cancel", "hold", "release", "requeue", "top", "suspend", "resume", "signal"):
        body: dict[str, Any] = {"act": act, **({"signal": "KILL"} if act == "signal" else {})}
        asked = [("POST", "/v1/acts", {**body, "jobs": [one.job]}) for one in (tour.theirs, tour.nobodys)]
        theirs, nothing = tour.li.asks(asked)
        assert plain(theirs, tour.theirs) == plain(nothing, tour.nobodys)
        assert b"not yours" in theirs.body


def test_nothing_can_wait_for_a_job_of_somebody_else(tour: Tour) -> None:
    """Threat 28: a dependency would tell how it ended."""
    asked = [
        ("POST", "/v1/jobs", {"command": "true", "after": f"ok:{one.job}"})
        for one in (tour.theirs, tour.nobodys)
    ]
    theirs, nothing = tour.li.asks(asked)
    assert theirs.status >= 400
    assert plain(theirs, tour.theirs) == plain(nothing, tour.nobodys)


def test_every_argument_of_a_command_is_of_a_known_kind() -> None:
    named = {name for _, command in commands(ly) for name in arguments(command)}
    assert named <= NUMBERS | set(OTHER_ARGUMENTS)


@pytest.mark.parametrize("words", ABOUT_JOBS)
def test_every_command_says_of_somebody_elses_what_it_says_of_nothing(tour: Tour, words: str) -> None:
    """Threat 10, by `ly`."""
    theirs = tour.li.runs(*spoken(words, tour.theirs))
    nothing = tour.li.runs(*spoken(words, tour.nobodys))
    assert theirs.code != 0, theirs
    assert "not yours" in theirs.err, theirs
    assert MARK not in theirs.out + theirs.err
    for one, other in zip(theirs, nothing, strict=True):
        assert without(tour.theirs.words, str(one)) == without(tour.nobodys.words, str(other))


@pytest.mark.parametrize("program", [name for name, asks in SLURM.items() if asks is not None])
def test_drop_in_commands_say_of_somebody_elses_what_they_say_of_nothing(tour: Tour, program: str) -> None:
    """Threat 10, by the commands with Slurm's names."""
    for words in SLURM[program] or ():
        said = []
        for things in (tour.theirs, tour.nobodys):
            replaced = [re.sub(r"\bJ\b", things.job, word).replace("MARK", MARK) for word in words]
            done = tour.li.runs(program, *replaced)
            assert MARK not in (done.out + done.err).replace(" ".join(replaced), "")
            said.append((done.code, without(things.words, done.out), without(things.words, done.err)))
        assert said[0] == said[1], words


def test_after_all_that_everything_is_as_it_was(tour: Tour) -> None:
    """What was refused was refused: nothing was stopped, changed, shared or revoked."""
    things = tour.theirs
    job, session, tokens, terminals = (
        one.json
        for one in tour.ada.asks(
            [
                ("GET", f"/v1/jobs/{things.job}", None),
                ("GET", f"/v1/sessions/{things.session}", None),
                ("GET", "/v1/tokens", None),
                ("GET", "/v1/terminals", None),
            ]
        )
    )
    assert (job["state"], job["name"], job["attempt"]) == ("RUNNING", MARK, 1)
    assert (session["state"], session["sharers"], session["saved_as"]) == ("running", [], "")
    assert [one["revoked_at"] for one in tokens["tokens"] if one["id"] == things.token] == [None]
    assert [one["id"] for one in terminals["terminals"]] == [things.terminal]
    assert tour.ada.ask("GET", f"/api/jobs/{things.submission}").json["status"] == "RUNNING"
    assert tour.ada.runs("ly", "cancel", things.array).code == 0


# -- from elsewhere


def test_over_tls_a_token_sees_what_its_user_sees_and_without_tls_nothing_does(tour: Tour) -> None:
    secret = tour.li.makes("/v1/tokens", {"name": "elsewhere"})["token"]
    job = tour.li.submits("sleep 900", name="mine")
    tour.li.sees_run(job)
    assert tour.site.daemon is not None
    port = listening_port(tour.site.daemon.pid)
    status, body = over_tls(tour.site, port, "/v1/jobs", secret)
    assert (status, [one["user"] for one in body["jobs"] if one["id"] == job]) == (200, [LI])
    assert {one["user"] for one in body["jobs"]} == {LI}
    assert over_tls(tour.site, port, f"/v1/jobs/{tour.theirs.job}", secret)[0] == 404
    assert over_tls(tour.site, port, "/v1/jobs", None)[0] == 401
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as bare:
        bare.sendall(f"GET /v1/health HTTP/1.1\r\nHost: {SERVER_NAME}\r\n\r\n".encode())
        assert b"200" not in bare.recv(100)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as bare,
        pytest.raises(ssl.SSLError),
    ):
        ssl.create_default_context().wrap_socket(bare, server_hostname=SERVER_NAME)
    assert tour.li.runs("ly", "cancel", str(job)).code == 0


def over_tls(site: Site, port: int, path: str, token: str | None) -> tuple[int, Any]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as bare,
        site.trust().wrap_socket(bare, server_hostname=SERVER_NAME) as sock,
    ):
        assert sock.version() == "TLSv1.3"
        credential = f"Authorization: Bearer {token}\r\n" if token else ""
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {SERVER_NAME}\r\n{credential}Connection: close\r\n\r\n".encode()
        )
        response = http.client.HTTPResponse(sock)
        response.begin()
        text = response.read()
        kind = response.headers.get("content-type", "")
        return response.status, json.loads(text) if "json" in kind else text


# -- an upgrade


def test_daemon_and_launcher_are_upgraded_under_fifty_jobs_of_two_users(tour: Tour, tmp_path: Path) -> None:
    """P8: a new version is put in the place of the old one; every job ends as it would have."""
    gate = tour.site.place / "go"
    words = f"while ! test -e {gate}; do sleep 0.5; done; echo $LAUNCHYARD_JOB_ID; "
    words += "exit $((LAUNCHYARD_JOB_ID % 100))"
    bodies = [{"command": words, "resources": {"cpus": 1, "memory_mib": 16}}] * JOBS_EACH
    jobs = {
        person: [one["id"] for one in person.ask("POST", "/v1/jobs", bodies).json]
        for person in (tour.ada, tour.li)
    }
    wait_for(lambda: running(tour, jobs), PATIENCE_S * 2, f"{2 * JOBS_EACH} jobs run", 0.2)
    keeper = tour.site.launcher_unit.pid

    install(tour.site.place, next_wheel(tour.site.place))
    tour.site.launcher_unit.reload(keeper)
    log = tour.site.state / "launcher" / "launcher.log"
    wait_for(lambda: "starting anew by exec" in log.read_text(), PATIENCE_S, "exec")
    tour.site.stop()
    assert len(job_pids(tour.site.state)) >= 2 * JOBS_EACH
    tour.site.start()

    assert tour.site.launcher_unit.pid == keeper
    assert tour.li.ask("GET", "/v1/me").json["version"] == NEXT_VERSION
    wait_for(lambda: running(tour, jobs), PATIENCE_S, "they run on", 0.2)
    gate.touch()
    for person, theirs in jobs.items():
        for job in theirs:
            end = person.sees_end(job)
            assert (end["state"], end["exit_code"]) == ("FAILED" if job % 100 else "COMPLETED", job % 100)
            assert person.ask("GET", f"/v1/jobs/{job}/logs").body == f"{job}\n".encode()
            assert end["attempt"] == 1


def running(tour: Tour, jobs: dict[Person, list[int]]) -> bool:
    return all(
        {one["id"] for one in person.ask("GET", "/v1/jobs?state=RUNNING&limit=1000").json["jobs"]}
        >= set(theirs)
        for person, theirs in jobs.items()
    )
