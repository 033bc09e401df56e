"""Python environments with what a job asks for, built by uv for the interpreter that the job would find.

An environment is built once for a list of requirements, an interpreter and a platform, kept where no job
writes, and every job gets its own from it: a copy where that is quick, else a thin one that leads to what is
kept. What is on this machine anyway stays visible in it, as in an environment of Ray's.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from launchyard.helper.copies import copy_file, copy_tree, facts_of
from launchyard.helper.pipsettings import from_pip
from launchyard.helper.shelf import SetupFailed, Weight
from launchyard.helper.uvcache import in_use
from launchyard.model.runtimeenv import Requirements, RuntimeEnv, expanded

PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"
COPY_MAX_BYTES = 256 << 20
COPY_MAX_FILES = 15_000
TAIL_LINES = 20
WORKING_DIR = "RAY_RUNTIME_ENV_CREATE_WORKING_DIR"
"""What Ray calls the directory of the job's files in a requirement."""

_NOT_PASSED = re.compile(
    r"(LAUNCHYARD_|SLURM_|CUDA_VISIBLE_DEVICES|VIRTUAL_ENV|CONDA_|PYTHON(PATH|HOME|STARTUP)"
    r"|UV_(CACHE_DIR|PYTHON|SYSTEM_PYTHON|PROJECT|TARGET|PREFIX|WORKING_DIR)|LD_PRELOAD|BASH_ENV)"
)
_PROBE = """
import json, os, sys, sysconfig
print(json.dumps({"executable": sys.executable, "version": sys.version, "tag": sys.implementation.cache_tag,
    "platform": sysconfig.get_platform(), "libc": os.confstr("CS_GNU_LIBC_VERSION"), "prefix": sys.prefix,
    "base": sys.base_prefix, "purelib": sysconfig.get_path("purelib")}))
"""
_RELATIVE = (".", "-r", "-c", "-e", "--requirement", "--constraint", "--editable", "--find-links", "-f")
_UNKNOWN = re.compile(  # uv's two ways to say that there is no such package, or no such version of it
    r"(?:Because|because) (?:there (?:is|are) no versions? of )?([\w.\[\]-]+)[^\n]*? was not found|"
    r"there (?:is|are) no versions? of ([\w.\[\]=<>!~-]+)"
)
_SECRET = re.compile(r"://[^/@\s]+@")
_ADDRESSES = ("--index-url", "-i", "--extra-index-url", "--find-links", "-f")
_INSTALL = ("pip", "install", "--python")
_QUIET_PIP = ("--disable-pip-version-check", "--no-input", "--quiet", "-q")


class Interpreter(NamedTuple):
    """The Python that a job would find, and what makes environments for it differ from others."""

    path: str
    facts: Mapping[str, Any]

    @property
    def tag(self) -> str:
        return _digest([self.path, self.facts])


class Installer:
    """Builds for one job. `environ` are the variables that the job will have."""

    def __init__(
        self, env: RuntimeEnv, environ: Mapping[str, str], root: str, say: Callable[[str], None], log: IO[str]
    ) -> None:
        self._root = root
        self._say = say
        self._log = log
        self._path = environ.get("PATH") or PATH_DEFAULT
        self._passed = {name: value for name, value in environ.items() if not _NOT_PASSED.match(name)}
        self._uv = _uv(self._path)
        self.interpreter = self._probe(_chosen(env.py_executable, self._path))

    def lines(self, asked: Requirements, tree: str | None) -> list[str]:
        """The requirements with their variables replaced."""
        known = {**self._passed, **({WORKING_DIR: tree} if tree is not None else {})}
        return [expanded(line, known) for line in asked.lines]

    def key(self, asked: Requirements, lines: Sequence[str], tree: str | None) -> str:
        """The same for what would be the same environment."""
        settings = {
            name: value for name, value in self._environ().items() if name.startswith(("UV_", "PIP_"))
        }
        files = [_state_of(path) for line in lines for path in _local_paths(line)]
        relative = tree if any(line.lstrip().startswith(_RELATIVE) for line in lines) else None
        facts = [lines, asked.options, asked.check, self.interpreter.tag, settings, files, relative]
        return f"venv-{_digest(facts)}"

    def build(self, asked: Requirements, lines: Sequence[str], tree: str | None, target: str) -> None:
        """A new environment in the empty directory `target`. Raises `SetupFailed`."""
        what = _named(lines)
        self._say(f"installing {what}")
        os.rmdir(target)
        self._run(
            "making an environment",
            ["venv", "--python", self.interpreter.path, "--system-site-packages", "--no-project", target],
        )
        self._let_parent_in(target)
        with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=self._root) as file:
            # Whoever looks at processes sees arguments, and addresses may hold passwords: not among these.
            addresses, options = _divided(asked.options)
            file.write("".join(f"{line}\n" for line in [*addresses, *lines]))
            file.flush()
            python = os.path.join(target, "bin", "python")
            self._run(
                f"installing {what}",
                [
                    "pip",
                    "install",
                    "--python",
                    python,
                    "--compile-bytecode",
                    "-r",
                    file.name,
                    *options,
                ],
                cwd=tree,
            )
            if asked.check:
                self._run(f"checking {what}", ["pip", "check", "--python", python])

    def wheel(self, path: str, target: str) -> None:
        """What a wheel holds, into the empty directory `target`."""
        name = os.path.basename(path)
        self._say(f"unpacking {name}")
        python = self.interpreter.path
        self._run(
            f"unpacking {name}", ["pip", "install", "--python", python, "--no-deps", "--target", target, path]
        )

    # -- inside

    def _let_parent_in(self, target: str) -> None:
        """What the interpreter's own environment has, below what is installed here."""
        facts = self.interpreter.facts
        if facts["prefix"] != facts["base"]:
            _lead(_site_packages(target), "_launchyard_parent.pth", facts["purelib"])

    def _run(self, what: str, words: Sequence[str], cwd: str | None = None) -> None:
        self._log.write(f"$ uv {' '.join(words)}\n")
        with (
            in_use(self._root),
            subprocess.Popen(
                [self._uv, *words],
                env=self._environ(),
                cwd=cwd or self._root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            said: list[str] = []
            for line in process.stdout or ():
                self._log.write(line)
                said = [*said[-TAIL_LINES + 1 :], line.rstrip()]
        if process.returncode:
            text = "\n".join(line for line in said if line and not line.startswith("Using Python"))
            if process.returncode == -signal.SIGKILL:
                text += "\nuv was killed, perhaps for want of memory ([runtime_env] memory says how much)"
            raise SetupFailed(masked(f"{what} failed: {_essence(text)}\n{text}{_in_pips_words(text)}"))

    def _environ(self) -> dict[str, str]:
        """What uv is told: the job's own variables, and pip's settings where uv has none of its own."""
        own = {"PATH": self._path, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **self._passed}
        ours = {
            "UV_CACHE_DIR": os.path.join(self._root, "uv"),
            # A link into the cache would let a job that writes into its packages write into everybody's.
            "UV_LINK_MODE": "copy",
            "UV_NO_PROGRESS": "1",
            "NO_COLOR": "1",
        }
        return {**from_pip(own), **own, **ours}

    def _probe(self, path: str) -> Interpreter:
        """Ask the interpreter what it is; the answer is kept as long as the program is the same.

        Not that of a script in front of an interpreter: which one it starts may change with its settings.
        """
        found = os.stat(path)
        name = _digest([path, os.path.realpath(path), found.st_size, found.st_mtime_ns])
        record = os.path.join(self._root, "interpreters", name)
        with contextlib.suppress(OSError, ValueError), open(record) as file:
            return _interpreter(json.load(file))
        done = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise SetupFailed(f"{path} does not run: {done.stderr.strip()[-500:]}")
        os.makedirs(os.path.dirname(record), mode=0o700, exist_ok=True)
        if _is_program(path):
            with open(record, "w") as file:
                file.write(done.stdout)
        return _interpreter(json.loads(done.stdout))


def _interpreter(facts: Mapping[str, Any]) -> Interpreter:
    return Interpreter(path=facts["executable"], facts=facts)


def _is_program(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def furnish_venv(kept: str, weight: Weight, fresh: str, final: str) -> bool:
    """A job's own environment from the kept one, made at `fresh` for `final`. True: it leads to that one."""
    leads = weight.bytes > COPY_MAX_BYTES or weight.files > COPY_MAX_FILES
    if leads:
        os.mkdir(fresh, 0o755)
        for name in os.listdir(kept):
            there = os.path.join(kept, name)
            if name == "bin":
                copy_tree(there, os.path.join(fresh, name))
            elif name == "pyvenv.cfg":
                copy_file(there, os.path.join(fresh, name))
            elif name not in ("lib", "lib64"):
                os.symlink(there, os.path.join(fresh, name))
        packages = _site_packages(kept)
        own = os.path.join(fresh, os.path.relpath(packages, kept))
        os.makedirs(own)
        _lead(own, "_launchyard_kept.pth", packages)
    else:
        copy_tree(kept, fresh)
    _move_scripts(os.path.join(fresh, "bin"), kept, final)
    return leads


def _move_scripts(folder: str, before: str, after: str) -> None:
    """Programs and scripts that name the environment they are in name the new place."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path) or os.path.getsize(path) > 1 << 20:
            continue
        with open(path, "rb") as file:
            text = file.read()
        moved = text.replace(os.fsencode(before), os.fsencode(after))
        if moved != text and (text.startswith(b"#!") or name.lower().startswith("activate")):
            with open(path, "wb") as file:
                file.write(moved)


def _lead(folder: str, name: str, packages: str) -> None:
    with open(os.path.join(folder, name), "w") as file:
        file.write(f"import site; site.addsitedir({packages!r})\n")


def _site_packages(venv: str) -> str:
    lib = os.path.join(venv, "lib")
    (version,) = [name for name in os.listdir(lib) if name.startswith(("python", "pypy"))]
    return os.path.join(lib, version, "site-packages")


def _uv(path: str) -> str:
    """Beside our own interpreter, else where the job would find it."""
    beside = os.path.join(os.path.dirname(sys.executable), "uv")
    found = beside if os.access(beside, os.X_OK) else shutil.which("uv", path=path)
    if found is None:
        raise SetupFailed("uv is not there to install packages; the operator has to install it")
    return found


def _chosen(py_executable: str | None, path: str) -> str:
    """The interpreter that was asked for, or that a job would find first."""
    named = [py_executable] if py_executable is not None and " " not in py_executable.strip() else []
    for name in (*named, "python3", "python"):
        found = shutil.which(name, path=path)
        if found is not None:
            return os.path.abspath(found)
        if named and name == named[0]:
            raise SetupFailed(f"py_executable {name} is not there, or cannot be executed")
    raise SetupFailed(f"there is no python3 in {path} to install packages for")


def _divided(options: Sequence[str]) -> tuple[list[str], list[str]]:
    """(those that name addresses, as lines of a requirements file; the others, in uv's words)"""
    addresses, others = list[str](), list[str]()
    words = iter(options)
    for option in words:
        name, _, value = option.partition("=")
        if name in _ADDRESSES:
            addresses.append(f"{name} {value or next(words, '')}")
        elif option.startswith(tuple(f"{one} " for one in _ADDRESSES)):
            addresses.append(option)
        elif option not in _QUIET_PIP:
            others.append({"--no-cache-dir": "--no-cache", "--pre": "--prerelease=allow"}.get(option, option))
    return addresses, others


def _local_paths(line: str) -> Iterator[str]:
    for word in re.split(r"[\s=;]+", line.replace("file://", " ")):
        if word.startswith("/"):
            yield word.partition("#")[0]


def _state_of(path: str) -> list[Any]:
    """What a change of the file, or of anything in the directory, changes."""
    try:
        found = os.stat(path)
        inside = sorted(facts_of(path)[0].items()) if os.path.isdir(path) else []
    except OSError:
        return [path]
    return [path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, inside]


def masked(text: str) -> str:
    """Without the names and passwords that stand in addresses."""
    return _SECRET.sub("://****@", text)


def _named(lines: Sequence[str]) -> str:
    shown = masked(", ".join(line.strip() for line in lines[:3]))
    return shown if len(lines) <= 3 else f"{shown} and {len(lines) - 3} more"


def _essence(text: str) -> str:
    """The line that says why, of all that was said."""
    lines = text.splitlines()
    found = (
        [line for line in lines if "Because" in line] or [line for line in lines if "rror:" in line] or lines
    )
    return found[-1].strip().removeprefix("cause:").removeprefix("╰─▶").strip() if found else ""


def _in_pips_words(text: str) -> str:
    """The line that people, and programs, look for."""
    found = _UNKNOWN.search(text)
    return f"\nERROR: No matching distribution found for {found[1] or found[2]}" if found else ""


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]
