"""Dependencies such as `afterok:12:13,afterany:14` (`,` is and, `?` is or; the two are not mixed)."""

from dataclasses import dataclass
from enum import StrEnum

from launchyard.model.errors import Invalid
from launchyard.model.number import bounded, is_digits, shown

LENGTH_MAX = 64 * 1024
CLAUSES_MAX = 1_000

_TRY = "Write for example afterok:12, afterok:12:13_4,afterany:14 or afterany:12?afternotok:13."


class DependencyKind(StrEnum):
    """`AFTER` started, `AFTEROK` completed, `AFTERNOTOK` ended but not completed, `AFTERANY` ended."""

    AFTER = "after"
    AFTEROK = "afterok"
    AFTERNOTOK = "afternotok"
    AFTERANY = "afterany"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One kind on one job (an array: all its tasks), or on one task of an array when `index` is set."""

    kind: DependencyKind
    job_id: int
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """All clauses must hold, or any one of them when `any_of` is set."""

    clauses: tuple[Clause, ...]
    any_of: bool = False


_KINDS = {kind.value: kind for kind in DependencyKind}


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
    kind = _KINDS.get(word.lower())
    if kind is None and is_digits(word.partition("_")[0]):
        raise Invalid(f"the dependency {shown(term)} does not say on what of that job. Write afterok:{term}.")
    if kind is None:
        known = ", ".join(_KINDS)
        raise Invalid(f"the dependency {shown(whole)} has an unknown kind: {shown(word)}. Known: {known}.")
    if not jobs:
        raise Invalid(f"the dependency {shown(term)} names no job. Write {kind}:12.")
    return [_clause(kind, job, whole) for job in jobs]


def _clause(kind: DependencyKind, job: str, whole: str) -> Clause:
    id_text, underscore, index_text = job.partition("_")
    if not is_digits(id_text) or int(id_text) == 0 or (underscore and not is_digits(index_text)):
        raise Invalid(f"the dependency {shown(whole)} has a job that is not understood: {shown(job)}. {_TRY}")
    return Clause(kind=kind, job_id=int(id_text), index=int(index_text) if underscore else None)


def format_dependency(dependency: Dependency) -> str:
    """What `parse_dependency` reads back: `afterok:12:13_4,afterany:14`."""
    if dependency.any_of:
        return "?".join(f"{clause.kind}:{_job(clause)}" for clause in dependency.clauses)
    terms: list[str] = []
    kind_before = None
    for clause in dependency.clauses:
        if clause.kind is kind_before:
            terms[-1] += f":{_job(clause)}"
        else:
            terms.append(f"{clause.kind}:{_job(clause)}")
        kind_before = clause.kind
    return ",".join(terms)


def _job(clause: Clause) -> str:
    return str(clause.job_id) if clause.index is None else f"{clause.job_id}_{clause.index}"
