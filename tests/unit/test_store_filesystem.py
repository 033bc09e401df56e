"""State on a network file system is refused in one sentence."""

from pathlib import Path

import pytest

from launchyard.model.errors import Invalid
from launchyard.store.filesystem import refuse_network_file_system

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /home rw,relatime shared:2 master:1 - nfs4 server:/home rw,vers=4.2
31 30 254:1 / /home/local rw - xfs /dev/vdb rw
32 22 0:30 / /with\040space rw - fuse.sshfs ada@host: rw
33 22 0:31 / /twice rw - nfs server:/a rw
34 22 0:32 / /twice rw - tmpfs tmpfs rw
35 22 0:33 / /lab rw - lustre mds@tcp:/lab rw
garbage
36 22 0:34
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ada/.local/state/launchyard", "nfs4"),
        ("/home", "nfs4"),
        ("/with space/state", "fuse.sshfs"),
        ("/lab/ada", "lustre"),
    ],
)
def test_a_network_file_system_is_refused_with_path_and_kind(path: str, kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_network_file_system(Path(path), mountinfo=MOUNTS)

    assert path in str(refused.value)
    assert f"({kind})" in str(refused.value)
    assert "--state DIR" in str(refused.value)


@pytest.mark.parametrize("path", ["/", "/homes", "/home/local/state", "/twice/state", "/labor"])
def test_a_local_file_system_is_taken(path: str) -> None:
    refuse_network_file_system(Path(path), mountinfo=MOUNTS)


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/lab/ada")

    with pytest.raises(Invalid, match="lustre"):
        refuse_network_file_system(tmp_path / "link" / "state", mountinfo=MOUNTS)


def test_this_machine_says_where_its_temporary_files_are(tmp_path: Path) -> None:
    refuse_network_file_system(tmp_path)
