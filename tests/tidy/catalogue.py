"""What is listed by number, each with the tests that show it: pages of one kind, of faults and threats."""

from collections.abc import Callable, Iterator, Mapping

from tests.tidy.source import Source, python_files

Entries = Mapping[int, tuple[str, str]]
"""By number, what it is, and what holds."""


def tests_by_number(
    entries: Entries, numbered: Callable[[Source], Iterator[tuple[int, str]]]
) -> dict[int, list[str]]:
    """`file::test`, of what `numbered` finds in each file of tests."""
    found: dict[int, list[str]] = {number: [] for number in entries}
    for source in python_files():
        if source.name.startswith("tests/"):
            for number, test in numbered(source):
                found[number].append(test)
    return found


def page(head: str, entries: Entries, tests: Mapping[int, list[str]]) -> str:
    """All of them, with the names of their tests."""
    parts = [head]
    for number, (what, how) in entries.items():
        parts.append(f"\n## {number}. {what}\n\n{how[:1].upper()}{how[1:]}.\n\n")
        lines = [f"- `{one}`" for one in sorted(tests[number])]
        parts.append("\n".join(lines or ["No test yet."]) + "\n")
    return "".join(parts)
