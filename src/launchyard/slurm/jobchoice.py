"""Which rows of jobs a command shows, of what the server told: by task, name, account, QOS, node and more."""

from collections.abc import Collection, Iterable, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.facts import Facts
from launchyard.slurm.indexes import Wanted, read_spans, shared, written_out

ROWS_MAX = 4_000_000


class Choice(NamedTuple):
    """Empty, or None for `states`, means any."""

    ids: Sequence[Wanted] = ()
    states: Collection[str] | None = None
    names: Collection[str] = ()
    accounts: Collection[str] = ()
    qos: Collection[str] = ()
    nodes: Collection[str] = ()
    reservations: Collection[str] = ()
    licences: Collection[str] = ()

    @property
    def needs(self) -> list[str]:
        """The server's columns to choose by."""
        return [
            *(["state"] if self.states is not None else []),
            *[column for column, wanted, _ in self._tests() if wanted],
        ]

    def _tests(self) -> list[tuple[str, Collection[str], bool]]:
        """Column, what is wanted in it, and whether it holds several."""
        return [
            ("name", self.names, False),
            ("account", self.accounts, False),
            ("qos", self.qos, False),
            ("reservation", self.reservations, False),
            ("nodes", self.nodes, True),
            ("licences", self.licences, True),
        ]

    def choose(self, facts: Facts) -> None:
        """Keep only the rows that are wanted; of an array that waits, the tasks that are."""
        if self.ids:
            _narrow(facts, self.ids)
        rows: Iterable[int] = range(facts.count)
        if self.states is not None:
            states = facts["state"]
            rows = [row for row in rows if states[row] in self.states]
        for column, wanted, several in self._tests():
            if wanted:
                rows = _with(rows, facts[column], wanted, several)
        facts.only(list(rows))


def _with(rows: Iterable[int], column: Sequence[Any], wanted: Collection[str], several: bool) -> list[int]:
    if several:
        return [row for row in rows if any(one in wanted for one in column[row] or ())]
    return [row for row in rows if column[row] in wanted]


def hide_split(facts: Facts) -> None:
    """Leave out records of arrays of which nothing waits any more: their tasks are rows of their own.

    What is left of the others waits, whatever the tasks of it do that have begun.
    """
    pending = facts["array_pending"]
    if "" in pending:
        facts.only([row for row in range(facts.count) if pending[row] != ""])
    for name, value in (("state", "PENDING"), ("started_at", None)):
        if name in facts.columns and any(facts["array_pending"]):
            pairs = zip(facts[name], facts["array_pending"], strict=True)
            facts.replace(name, [value if text else one for one, text in pairs])


def _narrow(facts: Facts, ids: Sequence[Wanted]) -> None:
    """Rows of these jobs and tasks. An array record shows only those of its indexes that were asked for."""
    rows, pending = [], list(facts["array_pending"])
    indexes, arrays = list(facts["task_index"]), list(facts["task_array"])
    throttles, owners = list(facts["array_throttle"]), facts["part_of"]
    for row, id in enumerate(facts["id"]):
        if owners[row] is not None:
            rows += [row] if any(_is_meant(one, id, *owners[row][:2]) for one in ids) else []
            continue
        if arrays[row] is not None:
            meant = [one for one in ids if (one.id == id and not one.spans) or one.id == arrays[row]]
            if any(one.id == id or one.has(indexes[row]) for one in meant):
                rows.append(row)
            continue
        meant = [one for one in ids if one.id == id and not one.part]
        if pending[row] is None or any(not one.spans for one in meant):
            rows += [row] if any(not one.spans for one in meant) else []
            continue
        text = shared(read_spans(pending[row]), [span for one in meant for span in one.spans])
        if text:
            rows.append(row)
            pending[row], throttles[row] = text, None
            if text.isdigit():
                arrays[row], indexes[row], pending[row] = id, int(text), None
    columns = ("array_pending", pending), ("array_throttle", throttles)
    for name, column in (*columns, ("task_array", arrays), ("task_index", indexes)):
        facts.replace(name, column)
    facts.only(rows)


def _is_meant(wanted: Wanted, id: int, owner: int, offset: int) -> bool:
    """Whether this part of a job of unlike parts is: by the id of its own, or with its job."""
    if wanted.part is not None:
        return (wanted.id, wanted.part) == (owner, offset)
    return not wanted.spans and wanted.id in (id, owner)


def one_row_a_task(facts: Facts) -> None:
    """Write out arrays that wait, a row for each index."""
    rows: list[int] = []
    indexes: list[int | None] = []
    arrays: list[int | None] = []
    for row, pending in enumerate(facts["array_pending"]):
        if not pending:
            rows.append(row)
            indexes.append(facts["task_index"][row])
            arrays.append(facts["task_array"][row])
            continue
        for index in written_out(read_spans(pending)):
            rows.append(row)
            indexes.append(index)
            arrays.append(facts["id"][row])
            if len(rows) > ROWS_MAX:
                raise ValueError("too many tasks")
    facts.only(rows)
    facts.replace("task_index", indexes)
    facts.replace("task_array", arrays)
    facts.replace("array_pending", [None] * len(rows))
