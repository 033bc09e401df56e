"""Settings: read once from TOML, checked as a whole, frozen.

Every key has a default, so no file is needed. What is wrong is said with its file, its line and a right one:
a queue that silently ignores a misspelt limit is worse than one that does not start.
"""

import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.hostlist import expand
from launchyard.model.memory import parse_memory
from launchyard.model.node import Node
from launchyard.model.number import is_digits, shown
from launchyard.model.partition import Partition
from launchyard.model.walltime import parse_walltime

SIZE_MAX = 1 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the daemon is told. `nodes` empty: this machine as it is found."""

    listen: str = "127.0.0.1:8265"
    listen_explicit: bool = False
    """The address was asked for: when it is taken the daemon does not look for the next free port."""
    hosts: tuple[str, ...] = ()
    state: Path
    daemon_user: str = "launchyard"
    allow_root_jobs: bool = False
    log_cap_bytes: int | None = 1 << 30
    grace_s: int = 30
    pids_max: int = 16_384
    unkillable_s: int = 60
    nodes: tuple[Node, ...] = ()
    partitions: tuple[Partition, ...] = (Partition(name="main", default=True),)


KEYS: dict[str, dict[str, tuple[str, str]]] = {
    "": {
        "listen": ('"127.0.0.1:8265"', "Host and port for HTTP. Not set and taken: the next free port."),
        "hosts": ("[]", "Further names under which browsers and clients may reach this server."),
        "state": ("see above", "The state directory; never on a network file system."),
        "daemon_user": ('"launchyard"', "The system user that the daemon becomes when root starts it."),
        "allow_root_jobs": ("false", "Let root and system users submit; for tests and demos."),
        "log_cap": ('"1GiB"', 'The most that one log in our spool holds, or "none". Over it the job ends.'),
        "grace_s": ("30", "Seconds between the polite signal and the kill."),
        "pids_max": ("16384", "The most processes and threads that one job may have."),
        "unkillable_s": ("60", "Seconds that killed processes may stay until their node takes no more work."),
        "nodes": ("this machine", "Virtual nodes, for tests and demos; see below."),
        "partitions": ("one, `main`", "Named sets of nodes with limits; see below."),
    },
    "nodes": {
        "name": ("required", "One name, or several as in `n[1-8]`."),
        "cpus": ("required", "CPUs of each node."),
        "memory": ("required", 'Memory of each node, such as `"4GiB"`.'),
        "gpus": ("0", 'A number of GPUs, or a type and a number such as `"fake:2"`.'),
        "features": ("[]", "Words that describe the node."),
    },
    "partitions": {
        "name": ("required", "The partition's name."),
        "nodes": ("all", "Its nodes, such as `n[1-4]`."),
        "default": ("false", "Jobs that name no partition go here. None set: the first one is it."),
        "tier": ("0", "Jobs of a higher tier go first."),
        "time_limit": ('"24h"', "The time limit of jobs that ask for none."),
        "time_limit_max": ('"UNLIMITED"', "The longest time limit that may be asked for."),
    },
}
"""Table, key, (default, meaning): what is known, and what docs/reference/configuration.md is made from."""


def load(path: Path | None, *, root: bool, environ: Mapping[str, str]) -> Settings:
    """The settings of `path`; None: of the usual place, where the file may be missing. Raises `Invalid`.

    For root the file and every directory above it must be root's to write alone.
    """
    where = path or default_path(root=root, environ=environ)
    default = Settings(state=default_state(root=root, environ=environ))
    try:
        text = _read(where, root)
    except FileNotFoundError:
        if path is None:
            return default
        raise Invalid(f"there is no configuration file {path}; leave out --config for the defaults") from None
    settings = _settings(_Table.parse(where, text), default)
    # What a person says for one start goes before what is written down for all.
    return replace(settings, state=default.state) if environ.get("LAUNCHYARD_STATE") else settings


def default_path(*, root: bool, environ: Mapping[str, str]) -> Path:
    """Where the configuration is when nobody says."""
    return Path("/etc/launchyard/config.toml") if root else _home(environ) / ".config/launchyard/config.toml"


def default_state(*, root: bool, environ: Mapping[str, str]) -> Path:
    """Where the state is when nobody says; LAUNCHYARD_STATE says."""
    if named := environ.get("LAUNCHYARD_STATE"):
        return Path(named).expanduser()
    return Path("/var/lib/launchyard") if root else _home(environ) / ".local/state/launchyard"


def with_listen(settings: Settings, listen: str) -> Settings:
    """The same settings on another address, asked for on the command line."""
    return replace(settings, listen=_listen(listen), listen_explicit=True)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _read(path: Path, root: bool) -> str:
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            if root:
                _refuse_writable_by_others(real, os.fstat(file.fileno()))
            data = file.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Invalid(f"cannot read the configuration {path}: {error.strerror}") from None
    if len(data) > SIZE_MAX:
        raise Invalid(f"the configuration {path} is larger than 1 MiB; is it the right file?")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid(f"the configuration {path} is not UTF-8 text; is it the right file?") from None


def _refuse_writable_by_others(path: Path, found: os.stat_result) -> None:
    """Whoever may write the file, or swap it from a directory above, would command root.

    In a sticky directory such as /tmp nobody swaps what belongs to root.
    """
    parts = [(path, found), *((parent, parent.stat()) for parent in path.parents)]
    for part, status in parts:
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        if status.st_uid != 0:
            raise Invalid(
                f"root does not read {path}: {part} belongs to uid {status.st_uid}; run: chown root {part}"
            )
        if status.st_mode & 0o022 and not sticky:
            mode = stat.S_IMODE(status.st_mode)
            raise Invalid(
                f"root does not read {path}: others may write {part} (mode {mode:o}); run: chmod go-w {part}"
            )


class _Table:
    """One table of the file and where it is, so that each refusal names its line."""

    def __init__(
        self, path: Path, lines: list[str], name: str, number: int, values: Mapping[str, Any]
    ) -> None:
        self._path, self._lines, self._name, self._number = path, lines, name, number
        self._values = values
        for key in values:
            if key not in KEYS[name]:
                near = get_close_matches(key, KEYS[name], n=1)
                hint = f"did you mean {near[0]}?" if near else "known here: " + ", ".join(KEYS[name])
                self.refuse(key, f"there is no key {key}; {hint}")

    @classmethod
    def parse(cls, path: Path, text: str) -> "_Table":
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            sentence, at, position = str(error).rpartition(" (at ")
            in_middle = at and position.startswith("line")
            line = position.split(",")[0] if in_middle else f"line {len(text.splitlines()) or 1}"
            raise Invalid(f"{path}, {line}: this is not TOML: {sentence or error}") from None
        return cls(path, text.splitlines(), "", 0, values)

    def tables(self, name: str) -> list["_Table"]:
        """The tables `[[name]]`, in their order."""
        found = self._values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.refuse(name, f"{name} is a list of tables; write [[{name}]]")
        return [_Table(self._path, self._lines, name, number, one) for number, one in enumerate(found)]

    def get(self, key: str, kind: type[T], default: T) -> T:
        """The value of `key`, of the type `kind`."""
        value = self._values.get(key, default)
        right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not right:
            words = {int: "a whole number", str: "text in quotes", bool: "true or false", list: "a list"}
            self.refuse(key, f"{key} = {_written(value)} is not {words.get(kind, kind.__name__)}")
        return cast(T, value)

    def is_number(self, key: str) -> bool:
        return isinstance(self._values.get(key), int)

    def read(self, key: str, reader: Callable[[str], T], default: T) -> T:
        """The text of `key` through `reader`, whose refusals get the line."""
        if key not in self._values:
            return default
        text = self.get(key, str, "")
        try:
            return reader(text)
        except LaunchyardError as error:
            self.refuse(key, f"{key} = {_written(text)}: {error}")

    def count(self, key: str, default: int, least: int, most: int) -> int:
        value = self.get(key, int, default)
        if not least <= value <= most:
            self.refuse(key, f"{key} = {value} is not between {least} and {most}")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        values = self.get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not value or not value.isprintable():
                self.refuse(key, f"{key} holds {_written(value)}; it is a list of words in quotes")
        return tuple(values)

    def need(self, *keys: str) -> None:
        for key in keys:
            if key not in self._values:
                default = "name" if key != "name" else "it"
                self.refuse(default, f"a table of [[{self._name}]] needs {key}; add it")

    def refuse(self, key: str, sentence: str) -> NoReturn:
        line = _line_of(self._lines, self._name, self._number, key)
        raise Invalid(f"{self._path}, line {line}: {sentence}")


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value) if isinstance(value, str) else shown(str(value)).strip('"')


def _line_of(lines: list[str], table: str, number: int, key: str) -> int:
    """The line of a key in the `number`-th `[[table]]`; the table's own line when the key is not in it."""
    inside, seen, header = table == "", -1, 1
    for position, line in enumerate(lines, start=1):
        bare = line.strip()
        if bare.startswith("["):
            name = bare.strip("[").partition("]")[0].strip()
            if table == "" and name == key:
                return position
            seen += name == table
            inside = name == table and seen == number
            header = position if inside else header
        elif inside and bare.partition("=")[0].strip().strip("\"'") == key:
            return position
    return header


def _settings(table: _Table, default: Settings) -> Settings:
    nodes = [node for one in table.tables("nodes") for node in _nodes(one)]
    names: set[str] = set()
    for node in nodes:
        if node.name in names:
            table.refuse("nodes", f"two nodes have the name {node.name}; give each its own")
        names.add(node.name)
    partitions = _partitions(table, names)
    listen = table.read("listen", _listen, "")
    return Settings(
        listen=listen or default.listen,
        listen_explicit=bool(listen),
        hosts=table.words("hosts"),
        state=table.read("state", _state, default.state),
        daemon_user=table.read("daemon_user", _word, default.daemon_user),
        allow_root_jobs=table.get("allow_root_jobs", bool, default.allow_root_jobs),
        log_cap_bytes=table.read("log_cap", _log_cap, default.log_cap_bytes),
        grace_s=table.count("grace_s", default.grace_s, 0, 3_600),
        pids_max=table.count("pids_max", default.pids_max, 16, 4_194_304),
        unkillable_s=table.count("unkillable_s", default.unkillable_s, 1, 86_400),
        nodes=tuple(nodes),
        partitions=partitions or default.partitions,
    )


def _nodes(table: _Table) -> list[Node]:
    table.need("name", "cpus", "memory")
    if table.is_number("gpus"):
        gpus, gpu_type = table.count("gpus", 0, 0, 1_024), ""
    else:
        gpus, gpu_type = table.read("gpus", _gpus, (0, ""))
    cpus = table.count("cpus", 1, 1, 1_000_000)
    memory_mib = table.read("memory", parse_memory, 0)
    features = table.words("features")
    none: list[str] = []
    return [
        Node(
            name=name,
            cpus=cpus,
            memory_mib=memory_mib,
            gpus=gpus,
            gpu_type=gpu_type,
            features=features,
        )
        for name in table.read("name", expand, none)
    ]


def _partitions(table: _Table, known: set[str]) -> tuple[Partition, ...]:
    found: list[Partition] = []
    none: list[str] = []
    for one in table.tables("partitions"):
        one.need("name")
        name = one.read("name", _word, "")
        nodes = tuple(one.read("nodes", expand, none))
        missing = sorted(set(nodes) - known)
        if missing and known:
            near = get_close_matches(missing[0], known, n=1)
            hint = f"did you mean {near[0]}?" if near else "add it as [[nodes]]"
            one.refuse("nodes", f"partition {name} names the node {missing[0]}, which is not there; {hint}")
        if any(name == other.name for other in found):
            one.refuse("name", f"two partitions have the name {name}; give each its own")
        if one.get("default", bool, False) and any(other.default for other in found):
            one.refuse("default", f"partition {name} is a second default; set it on one partition only")
        found.append(_partition(one, name, nodes))
    if found and not any(partition.default for partition in found):
        found[0] = replace(found[0], default=True)
    return tuple(found)


def _partition(table: _Table, name: str, nodes: tuple[str, ...]) -> Partition:
    most = table.read("time_limit_max", parse_walltime, None)
    day: int | None = min(24 * 3600, most or 24 * 3600)
    asked = table.read("time_limit", parse_walltime, day)
    if most is not None and (asked is None or asked > most):
        table.refuse("time_limit", f"the default time limit of partition {name} is above its time_limit_max")
    return Partition(
        name=name,
        nodes=nodes,
        default=table.get("default", bool, False),
        tier=table.count("tier", 0, -1_000, 1_000),
        time_limit_default_s=asked,
        time_limit_max_s=most,
    )


def _listen(text: str) -> str:
    """`host:port` on this machine alone; `[::1]:8265` for IPv6."""
    host, _, port = text.rpartition(":")
    if not host or not is_digits(port) or int(port) > 65_535:
        raise Invalid(f"{shown(text)} is no address; write a host and a port, such as 127.0.0.1:8265")
    if host not in ("localhost", "[::1]") and not host.startswith("127."):
        raise Invalid(
            f"{host} is reached from other machines, which needs TLS; write 127.0.0.1:{port}, put a proxy "
            f"with TLS in front and add its name to hosts"
        )
    return text


def _state(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise Invalid(f"{shown(text)} is not an absolute path; write for example /var/lib/launchyard")
    return path


def _word(text: str) -> str:
    if not text or len(text) > 64 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in text):
        raise Invalid(f"{shown(text)} is no name; use letters, digits, dot, dash and underscore")
    return text


def _log_cap(text: str) -> int | None:
    return None if text == "none" else parse_memory(text) << 20


def _gpus(text: str) -> tuple[int, str]:
    """`fake:2`, `2`."""
    kind, _, count = text.rpartition(":")
    if not is_digits(count) or int(count) > 1_024:
        raise Invalid(f"{shown(text)} names no number of GPUs; write 2 or fake:2")
    return int(count), _word(kind) if kind else ""
