"""What the server told of many jobs, a column at a time, and what surrounds it: the clock, who is who."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.indexes import as_listed
from launchyard.slurm.times import Stamp

ARRAY_TEXT_MAX = 64
"""How long the text of an array's indexes may be; SLURM_BITSTR_LEN says otherwise, 0 is no bound."""


class Surroundings(NamedTuple):
    """`group` answers gid and name of a uid's group; `stamp` writes times; `gpu_types` are those of nodes.

    `cluster` is what the cluster of all jobs is called; empty: as the server calls that of each.
    """

    now: float
    stamp: Stamp
    group: Callable[[int], tuple[int, str]]
    cluster: str = ""
    array_text_max: int = ARRAY_TEXT_MAX
    gpu_types: Mapping[str, str | None] = {}


class Facts:
    """Columns by name, all of one length; those in `single` hold one value alone.

    `kept` reads what was kept of the submission for Slurm alone. `read` is what was looked at.
    """

    def __init__(
        self,
        count: int,
        columns: Mapping[str, Sequence[Any]],
        around: Surroundings,
        single: Iterable[str] = (),
    ) -> None:
        self.columns = dict(columns)
        self.single = set(single)
        self.count = count
        self.around = around
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Sequence[Any]:
        self.read.add(name)
        return self.columns[name]

    def kept(self, name: str, default: str = "") -> list[str]:
        """A value of the metadata, such as `slurm.comment`, of each job; some are columns of their own."""
        if name in self.columns:
            return [default if value is None else value for value in self[name]]
        return [(metadata or {}).get(name, default) for metadata in self["metadata"]]

    @property
    def clusters(self) -> Sequence[str]:
        """What the cluster of each is called."""
        return [self.around.cluster] * self.count if self.around.cluster else self["cluster"]

    def texts(self, make: "Callable[[Facts], Sequence[str]]") -> Sequence[str]:
        """What `make` makes of each row; made once where all that it looks at is the same in all rows."""
        if self.count > 1 and self.single:
            first = Facts(1, {name: column[:1] for name, column in self.columns.items()}, self.around)
            text = make(first)[0]
            if first.read <= self.single:
                return [text] * self.count
        return make(self)

    def only(self, chosen: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        if len(chosen) == self.count and all(map(int.__eq__, chosen, range(self.count))):
            return
        single, count = self.single, len(chosen)
        self.columns = {
            name: list(column[:1]) * count if name in single else [column[at] for at in chosen]
            for name, column in self.columns.items()
        }
        self.count = count

    def replace(self, name: str, column: Sequence[Any]) -> None:
        """Other values for a column."""
        self.columns[name] = column
        self.single.discard(name)


def each(write: Callable[[Any], str], values: Iterable[Any]) -> list[str]:
    """A text for each value, written once for all that are equal: most are the same in many rows."""
    return list(map(_Written(write).__getitem__, values))


class _Written(dict[Any, str]):
    """Texts by value."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: Any) -> str:
        text = self[value] = self._write(value)
        return text


def array_text(pending: str, throttle: int | None, text_max: int) -> str:
    """The indexes of an array that wait, cut where they are too long: `3-6%2`, `1,3,5,7,...`."""
    pending = as_listed(pending, text_max)
    if text_max and len(pending) > text_max - 3:
        pending = f"{pending[: text_max - 4]}..."
    return f"{pending}%{throttle}" if throttle else pending
