"""Control groups: where each launch's processes are held, limited, counted and killed.

Serves cgroup v2, the hybrid layout (limits in v1, `cgroup.kill` in v2) and v1 alone. In each hierarchy there
is `<our own cgroup>/launchyard-<8 hex>` and below it one directory a launch, made by the launch's own child.
CPU sets are the exception: making one is dear, so launches on the same CPUs share one.
"""

import contextlib
import os
import signal
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from launchyard.launcher.kernel import read_bytes, write_text
from launchyard.launcher.processes import PAGE_BYTES

_CONTROLLERS = ("memory", "pids", "cpuset", "freezer")
_ASIDE = ".self"
"""Ends the name of the cgroup that we move into where ours has to be empty."""
_MIB = 1 << 20


class Room(NamedTuple):
    """A cgroup for a child to make, set up and enter: `settings` are (file, text, needed)."""

    path: str
    settings: tuple[tuple[str, str, bool], ...] = ()


class Figures(NamedTuple):
    """What a cgroup counted so far; None where it does not."""

    cpu_s: float | None
    oom_kills: int


class Layout(NamedTuple):
    """Our directories by hierarchy (`unified` or a v1 controller); `v2` are the controllers usable there."""

    dirs: Mapping[str, str]
    v2: frozenset[str] = frozenset()

    @property
    def memory(self) -> str | None:
        if "memory" in self.v2:
            return "cgroup v2"
        return "cgroup v1" if "memory" in self.dirs else None

    @property
    def processes(self) -> str | None:
        """How a launch is killed as a whole; None: it cannot be, and the layout is of no use."""
        if "unified" in self.dirs:
            return "cgroup.kill"
        return "freezer" if "freezer" in self.dirs else None


# ---- finding


def find(state_dir: str, *, mountinfo: str, membership: str) -> Layout | None:
    """Make our directories and say what can be used; None without a writable cgroup.

    `mountinfo` and `membership` are the texts of /proc/self/mountinfo and /proc/self/cgroup.
    """
    name = f"launchyard-{zlib.crc32(os.fsencode(os.path.realpath(state_dir))):08x}"
    dirs: dict[str, str] = {}
    v2: frozenset[str] = frozenset()
    for controller, found in own_cgroups(mountinfo, membership).items():
        # Where an earlier run of ours moved aside, its launches are beside it.
        own = found.removesuffix(f"/{name}{_ASIDE}")
        if controller == "unified":
            own = _home(own, name)
        base = os.path.join(own, name)
        try:
            os.makedirs(base, exist_ok=True)
            if not os.access(os.path.join(base, "cgroup.procs"), os.W_OK):
                raise PermissionError(base)
            if controller == "unified":
                v2 = _enable(own, base)
            if controller == "cpuset":
                _inherit_cpuset(own, base)
        except OSError:
            continue
        dirs[controller] = base
    layout = Layout(dirs, v2)
    return layout if layout.processes else None


def own_cgroups(mountinfo: str, membership: str) -> dict[str, str]:
    """The directory of our own cgroup by controller (`unified` for v2), of those that we use."""
    inside: dict[str, str] = {}
    # Lines and words as the kernel ends them: names of mounts are users' (FUSE) and hold what else ends them.
    for entry in filter(None, membership.split("\n")):
        number, controllers, path = entry.split(":", 2)
        for name in ["unified"] if number == "0" else controllers.split(","):
            inside[name] = path
    found: dict[str, str] = {}
    for entry in filter(None, mountinfo.split("\n")):
        fields, _, rest = entry.partition(" - ")
        root, mount = fields.split(" ")[3:5]
        kind, _, options = [*rest.split(" "), "", ""][:3]
        if kind == "cgroup2":
            names: Iterable[str] = ["unified"]
        elif kind == "cgroup":
            names = [option for option in options.split(",") if option in _CONTROLLERS]
        else:
            continue
        for name in names:
            path = inside.get(name, "")
            if path and (path + "/").startswith(root.rstrip("/") + "/"):
                found[name] = os.path.join(mount, path[len(root.rstrip("/")) :].strip("/")).rstrip("/")
    return found


def _home(own: str, name: str) -> str:
    """Where our directory is: beside the cgroup of a service of systemd, where that hands down controllers.

    Below it, it would hand them down to jobs that run on while the service is down, and the kernel lets no
    process into such a cgroup: systemd could not start the service again.
    """
    above = os.path.dirname(own)
    if not own.endswith(".service") or os.path.isdir(os.path.join(own, name)):
        return own
    with contextlib.suppress(OSError):
        handed = read_bytes(os.path.join(own, "cgroup.controllers")).split()
        if b"memory" in handed and os.access(os.path.join(above, "cgroup.procs"), os.W_OK):
            return above
    return own


def _enable(own: str, base: str) -> frozenset[str]:
    """Hand v2 controllers down to our launches as far as they are delegated to us."""
    offered = set(read_bytes(os.path.join(own, "cgroup.controllers")).decode().split())
    wanted = [name for name in ("memory", "pids", "cpuset") if name in offered]
    for name in wanted:
        if not _hand_down(own, name):
            # A cgroup that hands controllers down may hold no processes itself: move aside and try again.
            leaf = base + _ASIDE
            with contextlib.suppress(OSError):
                os.makedirs(leaf, exist_ok=True)
                for pid in _pids(own):
                    write_text(os.path.join(leaf, "cgroup.procs"), str(pid))
            _hand_down(own, name)
        _hand_down(base, name)
    return frozenset(read_bytes(os.path.join(base, "cgroup.subtree_control")).decode().split()) & set(wanted)


def _hand_down(directory: str, controller: str) -> bool:
    try:
        write_text(os.path.join(directory, "cgroup.subtree_control"), f"+{controller}")
    except OSError:
        return False
    return True


def _inherit_cpuset(own: str, base: str) -> None:
    for file in ("cpuset.cpus", "cpuset.mems"):
        write_text(os.path.join(base, file), read_bytes(os.path.join(own, file)).decode().strip())


# ---- one launch


class Cgroups:
    """The launches' cgroups of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.memory = layout.memory or "sampling"
        self.processes = layout.processes or "marker"
        self.cpus = "cpuset" if "cpuset" in {*layout.dirs, *layout.v2} else "affinity"
        self.samples_limit = layout.memory is None
        unified = layout.dirs.get("unified")
        self._main = unified if unified is not None else layout.dirs["freezer"]
        self._memory = layout.dirs.get("memory") if layout.memory == "cgroup v1" else None
        pids = [layout.dirs["pids"]] if "pids" in layout.dirs and "pids" not in layout.v2 else []
        self._others = [*([] if self._memory is None else [self._memory]), *pids]
        """Where else each launch has a directory of its own."""
        self._cpusets: dict[str, int] = {}

    def new_tick(self) -> None:
        """Nothing is kept from one look to the next."""

    def live_cpu_s(self, launch_id: str) -> float | None:
        return self.figures(launch_id).cpu_s

    def rooms(
        self, launch_id: str, *, memory_mib: int | None, pids_max: int, cpu_ids: list[int]
    ) -> list[Room]:
        """What the child of a launch makes and enters, in order: first that by which it can be killed."""
        dirs, v2 = self.layout.dirs, self.layout.v2
        limit = None if memory_mib is None else str(memory_mib * _MIB)
        main: list[tuple[str, str, bool]] = []
        if limit is not None and "memory" in v2:
            main += [("memory.max", limit, True), ("memory.swap.max", "0", False)]
            main += [("memory.oom.group", "0", False)]
        if "pids" in v2:
            main.append(("pids.max", str(pids_max), True))
        if cpu_ids and "cpuset" in v2:
            main.append(("cpuset.cpus", _cpu_list(cpu_ids), False))
        rooms = [Room(f"{self._main}/{launch_id}", tuple(main))]
        if self._memory is not None:
            settings = [] if limit is None else [("memory.limit_in_bytes", limit, True)]
            settings += [] if limit is None else [("memory.memsw.limit_in_bytes", limit, False)]
            rooms.append(Room(f"{self._memory}/{launch_id}", tuple(settings)))
        if "pids" in dirs and "pids" not in v2:
            rooms.append(Room(f"{dirs['pids']}/{launch_id}", (("pids.max", str(pids_max), True),)))
        if cpu_ids and "cpuset" in dirs and "cpuset" not in v2:
            rooms.append(self._cpuset(cpu_ids))
        return rooms

    def _cpuset(self, cpu_ids: list[int]) -> Room:
        base = self.layout.dirs["cpuset"]
        cpus = _cpu_list(cpu_ids)
        self._cpusets[cpus] = self._cpusets.get(cpus, 0) + 1
        mems = read_bytes(f"{base}/cpuset.mems").decode().strip()
        return Room(f"{base}/cpus-{cpus}", (("cpuset.cpus", cpus, True), ("cpuset.mems", mems, True)))

    def paths(self, launch_id: str) -> list[str]:
        """The cgroups of a live launch that a step enters."""
        return [path for base in (self._main, *self._others) if os.path.isdir(path := f"{base}/{launch_id}")]

    def pids(self, launch_id: str) -> list[int]:
        return _pids(f"{self._main}/{launch_id}")

    def figures(self, launch_id: str) -> Figures:
        """What it used so far; cheap enough for every launch's end."""
        path = f"{self._main}/{launch_id}"
        cpu_s = _number_after(path + "/cpu.stat", b"usage_usec ") if "unified" in self.layout.dirs else None
        oom_kills = None
        if "memory" in self.layout.v2:
            oom_kills = _number_after(path + "/memory.events", b"oom_kill ")
        elif self._memory is not None:
            oom_kills = _number_after(f"{self._memory}/{launch_id}/memory.oom_control", b"oom_kill ")
        return Figures(None if cpu_s is None else cpu_s / 1e6, oom_kills or 0)

    def resident_mib(self, launch_id: str) -> float | None:
        """Anonymous memory in use now (not page cache)."""
        if "memory" in self.layout.v2:
            resident = _number_after(f"{self._main}/{launch_id}/memory.stat", b"anon ")
        elif self._memory is not None:
            resident = _number_after(f"{self._memory}/{launch_id}/memory.stat", b"total_rss ")
        else:
            return self._sampled_mib(launch_id)
        return None if resident is None else resident / _MIB

    def _sampled_mib(self, launch_id: str) -> float:
        pages = 0
        for pid in self.pids(launch_id):
            with contextlib.suppress(OSError, ValueError):
                _, resident, shared = read_bytes(f"/proc/{pid}/statm").split()[:3]
                pages += int(resident) - int(shared)
        return pages * PAGE_BYTES / _MIB

    def peak_bound_mib(self, launch_id: str) -> float | None:
        """The greatest use ever, page cache included: an upper bound of the resident peak."""
        if "memory" in self.layout.v2:
            path = f"{self._main}/{launch_id}/memory.peak"
        else:
            path = f"{self._memory}/{launch_id}/memory.max_usage_in_bytes"
        with contextlib.suppress(OSError, ValueError):
            return int(read_bytes(path)) / _MIB
        return None

    def freeze(self, launch_id: str) -> bool:
        """Let all of it stand still until `thaw`; False: it cannot be frozen here."""
        if "unified" in self.layout.dirs:
            path, text = f"{self._main}/{launch_id}/cgroup.freeze", "1"
        elif "freezer" in self.layout.dirs:
            path, text = f"{self.layout.dirs['freezer']}/{launch_id}/freezer.state", "FROZEN"
        else:
            return False
        with contextlib.suppress(OSError):
            write_text(path, text)
            return True
        return False

    def thaw(self, launch_id: str) -> None:
        """Nothing frozen hears a signal; the kill of a launch starts with this."""
        with contextlib.suppress(OSError):
            if "unified" in self.layout.dirs:
                write_text(f"{self._main}/{launch_id}/cgroup.freeze", "0")
        if "freezer" in self.layout.dirs:
            with contextlib.suppress(OSError):
                write_text(f"{self.layout.dirs['freezer']}/{launch_id}/freezer.state", "THAWED")

    def signal(self, launch_id: str, number: int, but: Collection[int] = ()) -> None:
        """One signal to every process, as listed now; `but` some."""
        for pid in set(self.pids(launch_id)).difference(but):
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def kill(self, launch_id: str) -> None:
        """KILL to every process, those that are being forked too; call again until `remove` says so."""
        self.thaw(launch_id)
        if "unified" in self.layout.dirs:
            with contextlib.suppress(OSError):
                write_text(f"{self._main}/{launch_id}/cgroup.kill", "1")
                return
        state = f"{self.layout.dirs.get('freezer', '')}/{launch_id}/freezer.state"
        with contextlib.suppress(OSError):
            write_text(state, "FROZEN")
        self.signal(launch_id, signal.SIGKILL)
        with contextlib.suppress(OSError):
            write_text(state, "THAWED")

    def emptied(self, launch_id: str) -> bool:
        """Whether no process is left; takes away the cgroup by which it was killed if so."""
        return _remove(f"{self._main}/{launch_id}")

    def remove(self, launch_id: str) -> bool:
        """Take away the other cgroups of an emptied launch; False: busy, try later."""
        done = [_remove(f"{base}/{launch_id}") for base in self._others]
        return all(done)

    def release_cpuset(self, cpu_ids: list[int]) -> None:
        """A launch on these CPUs is over; the last one takes the set away."""
        if not cpu_ids or "cpuset" not in self.layout.dirs or "cpuset" in self.layout.v2:
            return
        cpus = _cpu_list(cpu_ids)
        self._cpusets[cpus] = self._cpusets.get(cpus, 1) - 1
        if self._cpusets[cpus] <= 0:
            del self._cpusets[cpus]
            _remove(f"{self.layout.dirs['cpuset']}/cpus-{cpus}")

    def hold_cpuset(self, cpu_ids: list[int]) -> None:
        """Count a launch that was found running."""
        if cpu_ids:
            cpus = _cpu_list(cpu_ids)
            self._cpusets[cpus] = self._cpusets.get(cpus, 0) + 1

    def leftovers(self) -> set[str]:
        """Names of launches that have a cgroup here."""
        names: set[str] = set()
        for base in (self._main, *self._others):
            with contextlib.suppress(OSError):
                names.update(entry.name for entry in os.scandir(base) if entry.is_dir(follow_symlinks=False))
        return names


def _cpu_list(cpu_ids: list[int]) -> str:
    return ",".join(map(str, sorted(cpu_ids)))


def _pids(path: str) -> list[int]:
    try:
        return [int(pid) for pid in read_bytes(path + "/cgroup.procs", 1 << 20).split()]
    except OSError:
        return []


def _number_after(path: str, key: bytes) -> int | None:
    """The number behind `key` at the beginning of a line."""
    try:
        text = b"\n" + read_bytes(path)
    except OSError:
        return None
    at = text.find(b"\n" + key)
    return None if at < 0 else int(text[at + 1 + len(key) :].split(b"\n", 1)[0])


def _remove(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return _remove_below(path)
    return True


def _remove_below(path: str) -> bool:
    """A job that runs as root may have made cgroups of its own below."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.path)
        os.rmdir(path)
        return True
    return not os.path.isdir(path)
