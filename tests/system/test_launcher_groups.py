"""A job has the groups of its user, all of them and no others (threat 12)."""

import grp
import os
from collections.abc import Iterator

import pytest

from tests.system import accounts
from tests.system.accounts import account
from tests.system.launcher_client import temporary_rig

pytestmark = pytest.mark.root
GROUP = "lygroup1"
USER = "lytest6"
"""Of this file's own: tests beside it look at the groups of others."""


@pytest.fixture
def group() -> Iterator[int]:
    """A supplementary group with the test's account in it."""
    account(USER)
    accounts.run("groupadd", "--force", GROUP)
    accounts.run("usermod", "--append", "--groups", GROUP, USER)
    yield grp.getgrnam(GROUP).gr_gid
    accounts.run("gpasswd", "--delete", USER, GROUP)


def test_threat_12_a_job_has_all_groups_of_its_user_and_none_of_the_launchers(group: int) -> None:
    user = account(USER)
    with temporary_rig() as rig:
        client = rig.connect()
        client.send(
            rig.sh("id -u; id -g; id -G; grep NoNewPrivs /proc/self/status", l="who", uid=user.pw_uid)
        )
        assert client.ended("who").get("exit_code") == 0
        log = rig.state_dir / "spool" / str(user.pw_uid) / "who.log"
        uid, gid, groups, privileges = log.read_text().splitlines()
    assert (int(uid), int(gid)) == (user.pw_uid, user.pw_gid)
    assert {int(one) for one in groups.split()} == {user.pw_gid, group}
    assert privileges.split() == ["NoNewPrivs:", "1"]


def test_threat_12_a_file_of_the_users_group_can_be_read(group: int) -> None:
    user = account(USER)
    with temporary_rig() as rig:
        shared = rig.state_dir / "shared"
        shared.write_text("for the group\n")
        os.chown(shared, 0, group)
        shared.chmod(0o640)
        client = rig.connect()
        client.send(rig.sh(f"cat {shared}", l="reads", uid=user.pw_uid))
        assert client.ended("reads").get("exit_code") == 0
