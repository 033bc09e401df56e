"""Dependencies such as `afterok:12:13,after:14+5` or `singleton` (`,` is and, `?` is or; never mixed)."""

from dataclasses import dataclass
from enum import StrEnum

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown

LENGTH_MAX = 64 * 1024
CLAUSES_MAX = 1_000
DELAY_MAX_MIN = 366 * 24 * 60

_TRY = "Write for example afterok:12, afterok:12:13_4,afterany:14 or afterany:12?afternotok:13."


class DependencyKind(StrEnum):
    """`AFTER` started (or ended without), `AFTEROK` completed, `AFTERNOTOK` ended but not completed,
    `AFTERANY` ended; `AFTERCORR` each task of an array after the task of the same index of another one;
    `SINGLETON` no other job of the same name and user is at work or was submitted before and still waits.
    """

    AFTER = "after"
    AFTEROK = "afterok"
    AFTERNOTOK = "afternotok"
    AFTERANY = "afterany"
    AFTERCORR = "aftercorr"
    SINGLETON = "singleton"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One kind on one job (an array: all its tasks), or on one task of an array when `index` is set.

    `delay_min`: only this many minutes later (of `AFTER` alone). `job_id` is 0 of `SINGLETON` alone.
    """

    kind: DependencyKind
    job_id: int
    index: int | None = None
    delay_min: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """All clauses must hold, or any one of them when `any_of` is set."""

    clauses: tuple[Clause, ...]
    any_of: bool = False

    @property
    def singleton(self) -> bool:
        return any(clause.kind is DependencyKind.SINGLETON for clause in self.clauses)

    @property
    def jobs(self) -> tuple[Clause, ...]:
        """The clauses that name a job."""
        return tuple(clause for clause in self.clauses if clause.kind is not DependencyKind.SINGLETON)


_KINDS = {kind.value: kind for kind in DependencyKind}
_NOT_HERE = {
    "expand": "a job does not grow here; submit one with more resources instead",
    "afterburstbuffer": "there are no burst buffers here; write afterany:12",
}
"""Kinds that Slurm knows and we do not."""


def parse_dependency(text: str) -> Dependency:
    """`,` between terms: all must hold; `?`: any one. A term is a kind and jobs or tasks after colons."""
    value = bounded(text, "the dependency", LENGTH_MAX)
    if "," in value and "?" in value:
        raise Invalid(f"the dependency {shown(value)} mixes , (all) with ? (any); use one of them. {_TRY}")
    any_of = "?" in value
    clauses = [
        clause for term in value.split("?" if any_of else ",") for clause in _term(term.strip(), value)
    ]
    if len(clauses) > CLAUSES_MAX:
        raise Invalid(f"the dependency names {len(clauses)} jobs; at most {CLAUSES_MAX} are possible")
    return Dependency(clauses=tuple(clauses), any_of=any_of)


def _term(term: str, whole: str) -> list[Clause]:
    word, *jobs = term.split(":")
    lower = word.lower()
    kind = _KINDS.get(lower)
    if kind is None:
        raise _unknown(term, word, whole)
    if kind is DependencyKind.SINGLETON:
        if jobs:
            raise Invalid(
                f"the dependency {shown(term)} names a job; singleton stands alone: write singleton"
            )
        return [Clause(kind=kind, job_id=0)]
    if not jobs:
        raise Invalid(f"the dependency {shown(term)} names no job. Write {kind}:12.")
    return [_clause(kind, job, whole) for job in jobs]


def _unknown(term: str, word: str, whole: str) -> Invalid:
    if is_digits(word.partition("_")[0]):
        return Invalid(
            f"the dependency {shown(term)} does not say on what of that job. Write afterok:{term}."
        )
    if word.lower() in _NOT_HERE:
        return Invalid(f"the dependency kind {word.lower()} is not supported: {_NOT_HERE[word.lower()]}")
    known = ", ".join(_KINDS)
    return Invalid(f"the dependency {shown(whole)} has an unknown kind: {shown(word)}. Known: {known}.")


def _clause(kind: DependencyKind, job: str, whole: str) -> Clause:
    name, plus, delay_text = job.partition("+")
    id_text, underscore, index_text = name.partition("_")
    if not is_digits(id_text) or int(id_text) == 0 or (underscore and not is_digits(index_text)):
        raise Invalid(f"the dependency {shown(whole)} has a job that is not understood: {shown(job)}. {_TRY}")
    if plus and kind is not DependencyKind.AFTER:
        raise Invalid(
            f"the dependency {shown(f'{kind}:{job}')} has a delay, which only after takes. Write after:{job}."
        )
    if plus and not (is_digits(delay_text) and int(delay_text) <= DELAY_MAX_MIN):
        raise Invalid(
            f"the dependency {shown(job)} has a delay that is not understood. Write minutes: after:{name}+5."
        )
    if underscore and kind is DependencyKind.AFTERCORR:
        raise Invalid(f"the dependency aftercorr:{job} names one task; name the array: aftercorr:{id_text}")
    index = int(index_text) if underscore else None
    return Clause(kind=kind, job_id=int(id_text), index=index, delay_min=int(delay_text) if plus else 0)


def format_dependency(dependency: Dependency) -> str:
    """What `parse_dependency` reads back: `afterok:12:13_4,after:14+5,singleton`."""
    if dependency.any_of:
        return "?".join(format_clause(clause) for clause in dependency.clauses)
    terms: list[str] = []
    kind_before = None
    for clause in dependency.clauses:
        if clause.kind is kind_before and clause.job_id:
            terms[-1] += f":{_job(clause)}"
        else:
            terms.append(format_clause(clause))
        kind_before = clause.kind
    return ",".join(terms)


def format_clause(clause: Clause) -> str:
    """One clause alone: `afterok:13_4`."""
    return f"{clause.kind}:{_job(clause)}" if clause.job_id else clause.kind.value


def _job(clause: Clause) -> str:
    name = str(clause.job_id) if clause.index is None else f"{clause.job_id}_{clause.index}"
    return f"{name}+{clause.delay_min}" if clause.delay_min else name
