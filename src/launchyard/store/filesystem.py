"""Where state may live: on a file system of this machine, where locks and flushes mean what they say."""

import re
from pathlib import Path

from launchyard.model.errors import Invalid

_KERNEL = (
    "9p afs beegfs ceph cifs coda fhgfs gfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs panfs "
    "pvfs2 smb3 smbfs wekafs"
)
_FUSE = (
    "ceph-fuse cephfs curlftpfs davfs davfs2 gcsfuse glusterfs juicefs lizardfs mfs moosefs rclone s3fs "
    "seaweedfs sshfs"
)
NETWORK = frozenset(_KERNEL.split()) | {f"fuse.{name}" for name in _FUSE.split()}

_OCTAL = re.compile(r"\\([0-7]{3})")


def refuse_network_file_system(path: Path, *, mountinfo: str | None = None) -> None:
    """Raises `Invalid` when `path` (it need not be there yet) is on a file system of another machine."""
    if mountinfo is None:
        try:
            mountinfo = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
        except OSError:
            return
    kind = _file_system_of(str(path.resolve()), mountinfo)
    if kind in NETWORK:
        raise Invalid(
            f"{path} is on a network file system ({kind}), where a database cannot be kept safe; "
            "name a directory on a local disk: ly up --state DIR"
        )


def _file_system_of(path: str, mountinfo: str) -> str:
    """The type of the innermost mount that holds the path; of two on one place the later one."""
    found, depth = "", -1
    for line in mountinfo.splitlines():
        place, _, source = line.partition(" - ")
        fields = place.split(" ")
        if len(fields) < 5 or not source:
            continue
        mount = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4]).rstrip("/")
        if (path == mount or path.startswith(mount + "/")) and len(mount) >= depth:
            found, depth = source.split(" ")[0], len(mount)
    return found
