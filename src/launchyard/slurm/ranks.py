"""Ranks of tasks as Slurm writes them: `0-3,5`."""

from collections.abc import Iterable

RANK_MAX = 100_000


def compress_ranks(ranks: Iterable[int]) -> str:
    """Neighbours joined."""
    parts: list[list[int]] = []
    for rank in sorted(ranks):
        if parts and parts[-1][1] == rank - 1:
            parts[-1][1] = rank
        else:
            parts.append([rank, rank])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def parse_ranks(text: str) -> list[int]:
    """The ranks in the order written. Raises ValueError for what is none, or beyond `RANK_MAX`."""
    ranks: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low, high = _rank(first), _rank(last) if dash else _rank(first)
        if high < low or len(ranks) + high - low > RANK_MAX:
            raise ValueError(f"{text!r} is no list of ranks")
        ranks.extend(range(low, high + 1))
    return ranks


def _rank(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) > RANK_MAX:
        raise ValueError(f"{text!r} is no rank")
    return int(text)


def counted(values: Iterable[object]) -> str:
    """The same thing of neighbours said once: `4(x2),8`."""
    parts: list[tuple[str, int]] = []
    for value in map(str, values):
        if parts and parts[-1][0] == value:
            parts[-1] = (value, parts[-1][1] + 1)
        else:
            parts.append((value, 1))
    return ",".join(value if count == 1 else f"{value}(x{count})" for value, count in parts)
