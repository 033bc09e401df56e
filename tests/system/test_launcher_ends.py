"""A launch from its order to its end: exit codes, signals, limits, and nothing left behind.

Run by root (cgroups, the launcher as it is in production) and by an ordinary user without cgroups.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.launcher import messages
from tests.often import often
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import (
    Client,
    Rig,
    processes_with,
    temporary_rig,
    wait_for,
    zombies_of,
)

Yard = tuple[Rig, Client]


@pytest.fixture(scope="module", params=["root", "user"])
def yard(request: pytest.FixtureRequest) -> Iterator[Yard]:
    """One launcher for the whole file; each test uses launch ids of its own."""
    user = None
    if request.param == "user":
        user = account_of_ours().pw_name
    with temporary_rig(user=user) as rig:
        yield rig, rig.connect()


pytestmark = pytest.mark.root


def test_an_exit_code_is_told_as_it_was(yard: Yard) -> None:
    rig, client = yard
    client.send(rig.sh("echo out; echo err >&2; exit 3", l="exit-code"))
    end = client.ended("exit-code")
    assert end["exit_code"] == 3
    assert "signal" not in end
    assert rig.log("exit-code") == "out\nerr\n"


def test_a_death_by_signal_is_told_as_a_signal(yard: Yard) -> None:
    rig, client = yard
    client.send(rig.sh("kill -SEGV $$", l="signalled"))
    end = client.ended("signalled")
    assert end["signal"] == signal.SIGSEGV
    assert "exit_code" not in end


def test_a_start_is_told_before_its_end(yard: Yard) -> None:
    rig, client = yard
    client.send(rig.launch(["true"], l="in-order"))
    end = client.ended("in-order")
    start = client.expect("started", l="in-order")
    assert start["seq"] < end["seq"]
    assert start["pid"] > 1


def test_a_script_runs_with_its_arguments_and_is_removed(yard: Yard) -> None:
    rig, client = yard
    text = '#!/bin/sh\necho "$1 and $2" \u00e9\nexit 4\n'
    client.send(rig.launch(["one", "two words"], l="script", script=text))
    assert client.ended("script")["exit_code"] == 4
    assert rig.log("script") == "one and two words \u00e9\n"
    assert not list((rig.state_dir / "spool" / str(rig.uid)).glob("*.sh"))


def test_the_environment_is_exactly_what_was_given(yard: Yard) -> None:
    """Threat 14: nothing of the launcher's own environment reaches a job."""
    rig, client = yard
    client.send(rig.launch(["env"], l="env", env={"PATH": "/usr/bin:/bin", "GREETING": "h\u00e9"}))
    assert client.ended("env")["exit_code"] == 0
    names = {line.split("=")[0] for line in rig.log("env").splitlines()}
    ours = {"TMPDIR", "LAUNCHYARD_TMPDIR", "RAY_TMPDIR", "LAUNCHYARD_LAUNCH_ID"}
    assert names == {"PATH", "GREETING", *ours}
    assert "GREETING=h\u00e9" in rig.log("env")


def test_a_job_finds_signals_descriptors_and_umask_as_after_a_login(yard: Yard) -> None:
    rig, client = yard
    text = "grep -E 'Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd; umask; readlink /proc/self/fd/0"
    client.send(rig.sh(text, l="fresh"))
    client.ended("fresh")
    lines = rig.log("fresh").split()
    assert int(lines[1], 16) == 0
    # Signals 32 and 33 are the C library's own; children of make have them ignored, for good.
    assert int(lines[3], 16) & ~(0b11 << 31) == 0
    assert lines[4:] == ["0", "1", "2", "3", "0022", "/dev/null"]  # 3 is ls's own


def test_the_private_directory_is_gone_at_the_end(yard: Yard) -> None:
    rig, client = yard
    text = (
        'cd "$TMPDIR" && mkdir -p a/b/c && touch a/x a/b/y && chmod 0 a/b && ln -s / a/root && stat -c %a .'
    )
    client.send(rig.sh(text, l="private"))
    assert client.ended("private")["exit_code"] == 0
    assert rig.log("private") == "700\n"
    wait_for(lambda: not (rig.state_dir / "tmp/private").exists(), hint="TMPDIR is removed")


@pytest.mark.parametrize(
    ("argv", "options", "sentence"),
    [
        (["foo-bar"], {}, "no command 'foo-bar' on PATH (/usr/local/bin:/usr/bin:/bin)"),
        (["/no/such"], {}, "no command '/no/such'"),
        (["/etc/passwd"], {}, "you may not execute '/etc/passwd' (chmod +x?)"),
        (["/etc"], {}, "'/etc' is a directory, not a command"),
        (["true"], {"cwd": "/no/where"}, "directory '/no/where' does not exist"),
        (["true"], {"cwd": "/etc/passwd"}, "'/etc/passwd' is not a directory"),
        (
            ["true"],
            {"stdout": "/no/x.log"},
            "cannot open the output file '/no/x.log': directory '/no' does not exist",
        ),
        (
            ["true"],
            {"stdout": "/tmp"},
            "cannot open the output file '/tmp': it is a directory; name a regular file",
        ),
        ([], {"script": "echo hi\n"}, "it is neither a program nor a script that begins with #!"),
        ([], {"script": "#!/no/sh\n"}, "its interpreter '/no/sh' does not exist"),
        ([], {}, "there is no command to run"),
        (["true"], {"uid": 4_000_000}, "user 4000000"),
    ],
)
def test_what_cannot_start_says_why_in_one_sentence(
    yard: Yard, argv: list[str], options: dict[str, object], sentence: str
) -> None:
    rig, client = yard
    l = f"wrong-{time.monotonic_ns()}"
    client.send(rig.launch(argv, l=l, **options))
    end = client.ended(l)
    assert sentence in end["error"]
    assert "exit_code" not in end
    assert "signal" not in end


def test_output_goes_to_files_named_by_the_user_relative_to_the_directory(yard: Yard) -> None:
    rig, client = yard
    path = Path("/tmp") / f"{rig.state_dir.name}.out"
    for text in ("echo 1; echo 2 >&2", "echo 3"):
        l = f"named-{len(text)}"
        client.send(rig.sh(text, l=l, cwd="/tmp", stdout=path.name, stderr=path.name))
        assert client.ended(l)["exit_code"] == 0
    assert path.read_text() == "1\n2\n3\n"
    client.send(rig.sh("echo 4", l="emptied", cwd="/tmp", stdout=path.name, append=False))
    assert client.ended("emptied")["exit_code"] == 0
    assert path.read_text() == "4\n"
    path.unlink()


def test_a_time_limit_warns_then_ends_a_job(yard: Yard) -> None:
    rig, client = yard
    traps = "trap 'echo warned' USR1; trap 'echo ended; exit 7' TERM"
    warning = {"warning_signal": int(signal.SIGUSR1), "warning_before_s": 0.5}
    began = time.monotonic()
    client.send(rig.sh(f"{traps}; echo ready; while :; do sleep 0.05; done", l="limit", **warning))
    wait_for(lambda: "ready" in rig.log("limit"), hint="its traps are set")
    client.send(messages.limit("limit", time.monotonic() - began + 1))
    end = client.ended("limit")
    assert end["timed_out"] is True
    assert end["exit_code"] == 7
    lines = [line for line in rig.log("limit").splitlines() if line in ("warned", "ended")]
    assert lines == ["warned", "ended"]


def test_a_job_that_ignores_term_is_killed_after_its_grace(yard: Yard) -> None:
    """F19: SIGTERM ignored."""
    rig, client = yard
    client.send(rig.sh("trap '' TERM; echo ready; while :; do sleep 0.1; done", l="deaf"))
    wait_for(lambda: "ready" in rig.log("deaf"))
    client.send(messages.kill("deaf", signal=signal.SIGTERM, grace_s=0.5))
    assert client.ended("deaf")["signal"] == signal.SIGKILL


def test_a_stopped_job_is_ended_by_its_grace_not_kept(yard: Yard) -> None:
    """F19: SIGSTOPped."""
    rig, client = yard
    client.send(rig.sh("kill -STOP $$; sleep 100", l="stopped"))
    client.expect("started", l="stopped")
    client.send(messages.kill("stopped", signal=signal.SIGTERM, grace_s=300))
    assert client.ended("stopped")["signal"] == signal.SIGTERM


def test_nothing_outlives_the_main_process(yard: Yard) -> None:
    """F18, threat 37: double fork, setsid, descriptors closed, environment cleared."""
    rig, client = yard
    mark = f"43{time.monotonic_ns() % 1_000_000_000}"
    daemon = (
        f"(setsid env -i sleep {mark} </dev/null >/dev/null 2>&1 &) ; setsid sleep {mark} & sleep 0.3; exit 5"
    )
    client.send(rig.sh(daemon, l="daemons"))
    assert client.ended("daemons")["exit_code"] == 5
    assert processes_with(mark) == []


def test_a_signal_reaches_all_or_only_the_main_process(yard: Yard) -> None:
    rig, client = yard
    forever = "while :; do sleep 0.05; done"
    text = f"trap 'echo main' USR1; sh -c 'trap \"echo child\" USR1; {forever}' & {forever}"
    client.send(rig.sh(text, l="signals"))
    wait_for(lambda: len(processes_with("echo child")) >= 2, hint="both shells run")
    client.send(messages.signal("signals", signal.SIGUSR1, main_only=True))
    wait_for(lambda: rig.log("signals") == "main\n")
    client.send(messages.kill("signals", signal=signal.SIGKILL, grace_s=0))
    assert client.ended("signals")["signal"] == signal.SIGKILL


def test_a_cancelled_launch_that_comes_later_never_runs(yard: Yard) -> None:
    rig, client = yard
    client.send(messages.kill("too-late", signal=signal.SIGTERM, grace_s=1))
    client.send(rig.launch(["true"], l="too-late"))
    end = client.ended("too-late")
    assert end["error"] == "cancelled before it started"
    assert client.find("started", l="too-late") is None


def test_a_launch_and_its_cancel_in_one_write_never_runs(yard: Yard) -> None:
    rig, client = yard
    client.send(rig.sh("echo ran", l="at-once"), messages.kill("at-once", signal=15, grace_s=1))
    assert client.ended("at-once")["error"] == "cancelled before it started"


def test_a_launch_id_is_used_once(yard: Yard) -> None:
    """Threat 35: sent again while running, when ended, and after its acknowledgement."""
    rig, client = yard
    order = rig.sh("echo ran; sleep 0.5", l="once")
    client.send(order, order)
    end = client.ended("once")
    client.send(order, messages.ack(end["seq"]), order)
    sentence = "launch once was carried out before and is not run again"
    client.expect("ended", l="once", error=sentence)
    assert rig.log("once") == "ran\n"


def test_a_log_over_its_cap_ends_the_job(yard: Yard) -> None:
    """Threat 40: a log flood."""
    rig, client = yard
    client.send(rig.launch(["yes"], l="flood", log_cap_bytes=1_000_000))
    end = client.ended("flood")
    assert end["log_full"] is True
    assert (rig.state_dir / "spool" / str(rig.uid) / "flood.log").stat().st_size == 1_000_000


def test_usage_is_measured(yard: Yard) -> None:
    rig, client = yard
    text = "x = bytearray(80_000_000)\nimport time\nwhile time.process_time() < 0.5: pass"
    client.send(rig.launch(["python3", "-c", text], l="usage"))
    client.expect("started", l="usage")
    end = client.ended("usage")
    assert 0.5 <= end["cpu_s"] < 5
    assert 76 <= end["memory_peak_mib"] <= 110


def test_live_usage_can_be_asked(yard: Yard) -> None:
    rig, client = yard
    client.send(rig.sh("sleep 100 & sleep 100", l="live"))
    client.expect("started", l="live")

    def processes() -> bool:
        client.said = [message for message in client.said if message["t"] != "usage"]
        client.send(messages.usage("u"))
        return bool(client.expect("usage")["launches"].get("live", {}).get("processes") == 3)

    wait_for(processes, hint="three processes are seen")
    client.send(messages.kill("live", signal=signal.SIGKILL, grace_s=0))
    client.ended("live")


def test_usage_of_launches_by_name_tells_what_they_wrote(yard: Yard) -> None:
    rig, client = yard
    text = "head -c 3000000 /dev/zero > written; sync written; sleep 100"
    for name in ("named", "other"):
        client.send(rig.sh(text, l=name))
        client.expect("started", l=name)

    def wrote() -> bool:
        client.said = [message for message in client.said if message["t"] != "usage"]
        client.send(messages.usage("u", ["named", "gone"]))
        told = client.expect("usage")["launches"]
        assert set(told) <= {"named"}
        return "written_mib" in told.get("named", {}) and told["named"]["processes"] >= 1

    wait_for(wrote, hint="what the named one wrote is told")
    for name in ("named", "other"):
        client.send(messages.kill(name, signal=signal.SIGKILL, grace_s=0))
        client.ended(name)


def test_many_short_jobs_leave_no_zombie_and_no_cgroup(yard: Yard) -> None:
    """F23, F33: exits in under a millisecond."""
    rig, client = yard
    codes = {f"short-{number}": number % 5 for number in range(often(200, thorough=1000))}
    for l, code in codes.items():
        client.send(rig.launch(["true"] if code == 0 else ["sh", "-c", f"exit {code}"], l=l))
    for l, code in codes.items():
        assert client.ended(l, within_s=100)["exit_code"] == code
    wait_for(lambda: not rig.cgroups(), hint="cgroups are removed")
    wait_for(lambda: not list((rig.state_dir / "tmp").iterdir()), hint="private directories are removed")
    wait_for(lambda: not zombies_of(rig.launcher_pid()), hint="the launcher's children are reaped")
    assert zombies_of(rig.keeper_pid()) == []
