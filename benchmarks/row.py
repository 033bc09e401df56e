"""One line of a benchmark's result, and how it is printed and judged."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`value` in `unit`; `ratio` to `against` in the same run; `gate` is what the ratio must reach.

    `lower_is_better`: the ratio must stay at or below the gate instead of at or above.
    """

    work: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    gate: float | None = None
    lower_is_better: bool = False
    note: str = ""

    @property
    def passed(self) -> bool:
        if self.gate is None or self.ratio is None:
            return True
        return self.ratio <= self.gate if self.lower_is_better else self.ratio >= self.gate

    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}"
        gate = "" if self.gate is None else f"{'≤' if self.lower_is_better else '≥'} {self.gate:g}"
        verdict = "" if self.gate is None else ("ok" if self.passed else "MISSED")
        cells = (self.work, f"{self.value:,.4g} {self.unit}", self.against, ratio, gate, verdict, self.note)
        return f"| {' | '.join(cells)} |"


HEAD = "| work | ours | against | ratio | gate | | note |\n|---|---|---|---|---|---|---|"


def spliced(page: str, lines: list[str]) -> list[str]:
    """The rows of a page, of which those of one group were measured again; new ones come last."""
    fresh = {_work(line): line for line in lines}
    kept = [line for line in page.splitlines() if line.startswith("| ") and line not in HEAD.splitlines()]
    return [fresh.pop(_work(line), line) for line in kept] + list(fresh.values())


def _work(line: str) -> str:
    return line.split(" | ")[0]
