"""Dependencies are read as Slurm writes them, and written so that they are read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.dependency import (
    Clause,
    Dependency,
    DependencyKind,
    format_dependency,
    parse_dependency,
)
from launchyard.model.errors import Invalid

OK, ANY = DependencyKind.AFTEROK, DependencyKind.AFTERANY
JOBS = st.integers(1, 10**9)
INDEXES = st.one_of(st.none(), st.integers(0, 4_000_000))
clauses = st.one_of(
    st.builds(Clause, kind=st.sampled_from([OK, ANY, DependencyKind.AFTERNOTOK]), job_id=JOBS, index=INDEXES),
    st.builds(
        Clause,
        kind=st.just(DependencyKind.AFTER),
        job_id=JOBS,
        index=INDEXES,
        delay_min=st.integers(0, 10_000),
    ),
    st.builds(Clause, kind=st.just(DependencyKind.AFTERCORR), job_id=JOBS),
    st.just(Clause(kind=DependencyKind.SINGLETON, job_id=0)),
)


def test_jobs_and_tasks_of_several_kinds_are_read() -> None:
    dependency = parse_dependency("afterok:12:13_4,afterany:14")
    assert dependency.clauses == (
        Clause(kind=OK, job_id=12),
        Clause(kind=OK, job_id=13, index=4),
        Clause(kind=ANY, job_id=14),
    )
    assert not dependency.any_of


def test_a_question_mark_means_any_one() -> None:
    dependency = parse_dependency("afterok:12?afterany:14")
    assert dependency.any_of
    assert format_dependency(dependency) == "afterok:12?afterany:14"


def test_a_delay_in_minutes_stands_behind_the_job() -> None:
    first, second = parse_dependency("after:12+5:13_4").clauses
    assert (first.delay_min, second.delay_min, second.index) == (5, 0, 4)


def test_singleton_stands_beside_others() -> None:
    dependency = parse_dependency("singleton,aftercorr:12")
    assert dependency.singleton
    assert [clause.job_id for clause in dependency.jobs] == [12]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("12", "Write afterok:12"),
        ("12:13", "Write afterok:12:13"),
        ("afterok", "Write afterok:12"),
        ("afterok:", '""'),
        ("afterok:x", '"x"'),
        ("afterok:0", '"0"'),
        ("afterok:1_", '"1_"'),
        ("afterok:1_x", '"1_x"'),
        ("afterwards:1", '"afterwards"'),
        ("after:12+x", "after:12+5"),
        ("after:12+", "after:12+5"),
        ("after:12+9999999", "after:12+5"),
        ("afterok:12+5", "only after takes"),
        ("aftercorr:12_3", "aftercorr:12"),
        ("singleton:12", "stands alone"),
        ("expand:12", "expand is not supported"),
        ("afterburstbuffer:12", "afterany:12"),
        ("afterok:1,", "unknown kind"),
        ("afterok:1,afterok:2?afterok:3", "mixes"),
        ("afterok" + ":1" * 1_001, "1001 jobs"),
        ("afterok" + ":1" * 40_000, "characters"),
    ],
)
def test_a_wrong_dependency_is_refused_with_its_part(text: str, named: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_dependency(text)
    assert named in str(caught.value)


@given(st.lists(clauses, min_size=1, max_size=8), st.booleans())
def test_a_dependency_written_is_read_back(parts: list[Clause], any_of: bool) -> None:
    dependency = Dependency(clauses=tuple(parts), any_of=any_of and len(parts) > 1)
    assert parse_dependency(format_dependency(dependency)) == dependency


@given(st.text(alphabet="afterok:123_+,?singelton ", max_size=40))
def test_any_text_is_a_dependency_or_refused(text: str) -> None:
    try:
        dependency = parse_dependency(text)
    except Invalid:
        return
    assert dependency.clauses
