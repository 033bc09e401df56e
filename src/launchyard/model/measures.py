"""Figures in the form that Prometheus reads (text, version 0.0.4)."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
NONE: Labels = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One name, with its figures: (suffix, labels, value)."""

    name: str
    kind: str
    help: str
    figures: Iterable[tuple[str, Labels, float]]


@dataclass(slots=True)
class Histogram:
    """How many were how large, in buckets up to `bounds`. One writer; whoever reads may be one behind."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def figures(self, labels: Labels = NONE) -> Iterator[tuple[str, Labels, float]]:
        total = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            total += count
            yield "_bucket", {**labels, "le": f"{bound:g}"}, total
        total += self.counts[-1]
        yield "_bucket", {**labels, "le": "+Inf"}, total
        yield "_sum", labels, self.sum
        yield "_count", labels, total


def gauge(name: str, help: str, *figures: tuple[Labels, float]) -> Family:
    return Family(name=name, kind="gauge", help=help, figures=[("", labels, one) for labels, one in figures])


def counter(name: str, help: str, *figures: tuple[Labels, float]) -> Family:
    return Family(
        name=name, kind="counter", help=help, figures=[("", labels, one) for labels, one in figures]
    )


def text_of(families: Iterable[Family]) -> str:
    """All of it."""
    lines: list[str] = []
    for one in families:
        lines += [f"# HELP {one.name} {one.help}", f"# TYPE {one.name} {one.kind}"]
        lines += [
            f"{one.name}{suffix}{_labels(labels)} {value:.10g}" for suffix, labels, value in one.figures
        ]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
