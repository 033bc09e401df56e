"""What is wrong with one order, or with what it names, is that order's trouble: the launcher goes on."""

import os
import pwd
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchyard.launcher import messages
from launchyard.launcher.journal import Journal
from launchyard.launcher.messages import Message
from tests.system.accounts import account_of_ours
from tests.system.launcher_client import ENV, Client, Rig, temporary_rig, wait_for

pytestmark = pytest.mark.root

Yard = tuple[Rig, Client]
NONSENSE: list[Any] = ["x", -1, 10**30, 1e400, float("nan"), [], {}, [[]], {"a": {}}, None, "\0", "\ud800"]
FIELDS = (
    *("argv", "env", "cwd", "script", "stdin", "stdout", "stderr", "terminal", "cwd_else", "umask"),
    *("cpu_ids", "memory_mib", "pids_max", "time_limit_s", "warning_signal", "warning_before_s"),
    *("warning_target", "grace_s", "log_cap_bytes", "pid_variable", "soft_limits"),
)


@pytest.fixture(scope="module")
def eve() -> pwd.struct_passwd:
    return account_of_ours()


@pytest.fixture(scope="module", params=["root", "user"])
def yard(request: pytest.FixtureRequest, eve: pwd.struct_passwd) -> Iterator[Yard]:
    with temporary_rig(user=eve.pw_name if request.param == "user" else None) as rig:
        yield rig, rig.connect()


@pytest.fixture
def same_launcher(yard: Yard) -> Iterator[None]:
    """It is the same process afterwards, and starts others."""
    rig, _ = yard
    before = rig.launcher_pid()
    yield
    client = rig.connect()
    order = rig.sh("exit 3")
    client.send(order)
    assert client.ended(order["l"])["exit_code"] == 3
    assert rig.launcher_pid() == before, (rig.state_dir / "launcher/launcher.log").read_text()[-3000:]


@pytest.mark.usefixtures("same_launcher")
def test_launches_with_nonsense_in_their_orders_end_and_others_go_on(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, _ = yard
    client = rig.connect()
    orders = [rig.launch(["true"], uid=eve.pw_uid) | {field: one} for field in FIELDS for one in NONSENSE]
    client.send(*orders)
    for order in orders:
        client.ended(order["l"])


@pytest.mark.usefixtures("same_launcher")
def test_a_command_that_the_kernel_cannot_be_given_is_refused_in_a_sentence(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, _ = yard
    client = rig.connect()
    for words in (["\ud800"], ["true", "\ud800"], ["tr\0ue"], ["true", "\0"], [""], []):
        order = rig.launch(words, uid=eve.pw_uid)
        client.send(order)
        assert client.ended(order["l"])["error"], words


@pytest.mark.usefixtures("same_launcher")
def test_an_order_that_nobody_understands_costs_its_connection_alone(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, _ = yard
    client = rig.connect()
    order = rig.launch(["sleep", "1000"], uid=eve.pw_uid)
    client.send(order)
    client.expect("started", l=order["l"])
    l, uid = order["l"], eve.pw_uid
    sane: list[Message] = [
        messages.kill(l, signal=signal.SIGTERM, grace_s=1),
        messages.signal(l, 10),
        messages.limit(l, 1000),
        messages.suspend(l),
        messages.ack(0),
        messages.helper("h", uid, memory_mib=64),
        messages.step(id="s", l=l, uid=uid, argv=["true"], env=ENV, cwd="/"),
        messages.runner(id=f"{l}.0.0", l=l, uid=uid, argv=["true"], env=ENV),
        messages.signal_runner(f"{l}.0.0", 10, grace_s=1),
        messages.forget_runners([]),
        messages.remove_logs("r", uid, []),
        messages.usage("u", []),
    ]
    odd = [
        one | {field: what} for one in sane for field in one if field not in ("t", "l") for what in NONSENSE
    ]
    for one in odd:
        client.send(one, messages.usage("heard"))
        wait_for(lambda: client.heard("usage", id="heard") or client.hung_up())  # noqa: B023
        client.said.clear()
        if client.closed:
            client.close()
            client = rig.connect()


@pytest.mark.usefixtures("same_launcher")
def test_a_launch_whose_log_has_no_place_fails_and_the_place_is_made_for_the_next(
    yard: Yard, eve: pwd.struct_passwd
) -> None:
    rig, _ = yard
    client = rig.connect()
    orders = [rig.sh("exit 4", uid=eve.pw_uid) for _ in range(3)]
    client.send(orders[0])
    assert client.ended(orders[0]["l"])["exit_code"] == 4
    shutil.rmtree(rig.state_dir / "spool" / str(eve.pw_uid))

    client.send(orders[1])
    assert "error" in client.ended(orders[1]["l"])
    client.send(orders[2])
    assert client.ended(orders[2]["l"])["exit_code"] == 4


def test_a_journal_with_nonsense_in_an_order_is_taken_up(eve: pwd.struct_passwd) -> None:
    """Of a launcher before this one, which kept whatever it was told."""
    with temporary_rig() as rig:
        client = rig.connect()
        boot, epoch = client.welcome["boot_id"], client.welcome["epoch"]
        rig.stop()
        records: list[dict[str, Any]] = [{"k": "head", "v": 1, "epoch": epoch, "boot": boot, "q": 0, "a": 0}]
        for number, name in enumerate(("time_limit_s", "cpu_ids", "memory_mib", "uid", "job")):
            l = f"odd-{number}"
            records.append({"k": "intent", "l": l, "job": 1, "uid": eve.pw_uid, "spool_log": "x", name: "?"})
            records.append({"k": "start", "l": l, "q": 1, "p": os.getpid(), "s": 1, "at": 1.0, "b": 1.0})
        Journal(str(rig.state_dir / "launcher/journal")).rewrite(records)

        rig.start()

        client = rig.connect()
        for number in range(5):
            assert client.ended(f"odd-{number}")["lost"] is True
        log = Path(rig.state_dir, "launcher/launcher.log").read_text()
        assert "starting it again" not in log
