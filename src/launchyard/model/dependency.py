"""Dependencies such as `afterok:12:13,afterany:14` (`,` is and, `?` is or; the two are not mixed)."""

from dataclasses import dataclass
from enum import StrEnum


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
