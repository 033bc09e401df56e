"""Which task of a step runs on which node, and the words of `--distribution` that say so.

Ranks count from 0. `block` puts neighbours together, `cyclic` deals one task a node in turn, `plane=n` deals
n at a time, `arbitrary` follows a list of nodes, one name a task. How many tasks a node gets is the same for
block and cyclic: they are dealt in turn as far as each node has room, then beyond it (srun(1), `-m`).
"""

BLOCK, CYCLIC, PLANE, ARBITRARY = "block", "cyclic", "plane", "arbitrary"
_DIGITS_MAX = 9


def parse_distribution(text: str | None) -> tuple[str, int]:
    """The method among nodes and the size of a plane; what follows the first `:` or `,` binds to sockets.

    None, empty, `*` and `block` are block: with no more tasks than nodes it is the same as cyclic. Raises
    ValueError with what is wrong.
    """
    first = (text or "").strip().lower().split(",")[0].split(":")[0]
    name, equals, size = first.partition("=")
    if name == PLANE:
        if not size.isascii() or not size.isdigit() or len(size) > _DIGITS_MAX or int(size) < 1:
            raise ValueError("a plane needs its size, for example plane=4")
        return PLANE, int(size)
    if not equals and name in ("", "*", BLOCK):
        return BLOCK, 1
    if not equals and name in (CYCLIC, ARBITRARY):
        return name, 1
    if not equals and name in ("pack", "nopack", "fcyclic"):
        return BLOCK, 1
    raise ValueError("it is block, cyclic, plane=4 or arbitrary")


def count_tasks(tasks: int, room: list[int]) -> list[int]:
    """How many of `tasks` each node gets, dealt in turn; a node takes part beyond its `room` only when none
    has any left."""
    counts = [0] * len(room)
    left = tasks
    while left and room:
        open_nodes = [i for i, most in enumerate(room) if counts[i] < most] or list(range(len(room)))
        fits = any(counts[i] < room[i] for i in open_nodes)
        # As many whole rounds at once as all of these nodes can take.
        rounds = min(room[i] - counts[i] for i in open_nodes) if fits else left // len(open_nodes)
        rounds = max(1, min(rounds, left // len(open_nodes)))
        for i in open_nodes:
            given = min(rounds, left)
            counts[i] += given
            left -= given
    return counts


def lay_out(tasks: int, room: list[int], distribution: str = BLOCK, plane: int = 1) -> list[list[int]]:
    """The ranks of each node, for a method other than arbitrary; `room` is how many tasks fit on each."""
    counts = count_tasks(tasks, room)
    if distribution == CYCLIC or (distribution == PLANE and plane == 1):
        return _dealt(counts, 1)
    if distribution == PLANE:
        return _dealt(_count_planes(tasks, room, plane), plane)
    ranks, first = [], 0
    for count in counts:
        ranks.append(list(range(first, first + count)))
        first += count
    return ranks


def lay_out_as_listed(names: list[str]) -> tuple[list[str], list[list[int]]]:
    """Arbitrary: rank i runs on `names[i]`. Nodes in the order of their first ranks; the ranks of each."""
    ranks: dict[str, list[int]] = {}
    for rank, name in enumerate(names):
        ranks.setdefault(name, []).append(rank)
    return list(ranks), list(ranks.values())


def _count_planes(tasks: int, room: list[int], plane: int) -> list[int]:
    """As `count_tasks`, with whole planes as long as a node has room for any of it."""
    counts, left = [0] * len(room), tasks
    while left and room:
        before = left
        for i, most in enumerate(room):
            given = min(plane, left, max(0, most - counts[i]))
            counts[i] += given
            left -= given
        if left == before:
            extra = count_tasks(left, [0] * len(room))
            return [count + more for count, more in zip(counts, extra, strict=True)]
    return counts


def _dealt(counts: list[int], size: int) -> list[list[int]]:
    """Ranks handed out `size` at a time in turn, to nodes that take so many each."""
    ranks: list[list[int]] = [[] for _ in counts]
    rank, total = 0, sum(counts)
    while rank < total:
        for i, count in enumerate(counts):
            given = min(size, count - len(ranks[i]))
            ranks[i] += range(rank, rank + given)
            rank += given
    return ranks
