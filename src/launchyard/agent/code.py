"""Our own code as it travels to a node: the modules that run there, packed by who sends (`seed` unpacks)."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

PACKAGES = ("agent", "apps", "attendant", "helper", "injob", "launcher", "model", "raycluster", "runner")
"""What runs on a node, with all that it imports."""
WHOLE = ("apps",)
"""Those of which more than modules is needed."""
MODULES = ("faults.py",)
ROOT = "launchyard"


def pack(package: str, more: tuple[str, ...] = ()) -> bytes:
    """The packages of the installed `launchyard` at this directory; the same bytes for the same code."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        # The package's own beginning is for programs that import it.
        _add(tar, f"{ROOT}/__init__.py", b"")
        for path in sorted(_files(package, (*PACKAGES, *more))):
            with open(path, "rb") as file:
                _add(tar, f"{ROOT}/{os.path.relpath(path, package)}", file.read())
    return buffer.getvalue()


def digest(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()[:16]


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))


def _files(package: str, packages: tuple[str, ...]) -> list[str]:
    found = [os.path.join(package, name) for name in MODULES]
    for one in packages:
        for here, folders, names in os.walk(os.path.join(package, one)):
            folders[:] = [name for name in folders if name != "__pycache__"]
            found += [os.path.join(here, name) for name in names if one in WHOLE or name.endswith(".py")]
    return found
