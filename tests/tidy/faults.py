"""What goes wrong on machines and in networks, what holds then, and the tests that make it happen.

A test says in its docstring, or in that of its file, which of these it makes happen (`F8: ...`, `F1 to F5`),
or has it in its name (`test_f11_...`).
"""

import ast
import re
from collections.abc import Iterator

from tests.tidy.catalogue import page, tests_by_number
from tests.tidy.source import Source, functions

FAULTS = {
    1: ("The daemon is killed while jobs are submitted", "what was acknowledged is known, no id comes twice"),
    2: (
        "The daemon is killed while jobs start and end",
        "each starts once; every end is told after the restart",
    ),
    3: ("The launcher is killed", "jobs run on, are adopted, and keep exit codes and output"),
    4: (
        "What supervises running jobs is killed",
        "jobs run on; an exit code is the job's own, or the job is LOST",
    ),
    5: ("Everything of ours is killed at once", "as for each alone; the queue survives"),
    6: ("A power cut", "what was acknowledged is known, and the database is whole"),
    7: ("A damaged database or journal", "refused with its name and what to do; never wrong rows"),
    8: ("A full disk", "no acknowledgement, nothing lost, no restart needed"),
    9: ("The clock jumps", "no job is killed or given more time by it"),
    10: ("No file descriptors left", "it waits for some, drops nobody, and goes on"),
    11: ("Ten thousand and a hundred thousand jobs wait", "answers, planning and starts stay quick"),
    12: ("A thousand follow logs", "all bytes to all; memory and descriptors are bounded"),
    13: ("A client that never reads, half a connection", "it is dropped; jobs and others do not notice"),
    14: ("Another process holds the database", "reads work, writes are refused for a while, nothing is lost"),
    15: (
        "PostgreSQL goes, restarts, or promises less",
        "ends wait; written once; a careless setting is refused",
    ),
    16: ("The server is started twice", "the second says who is there and leaves it alone"),
    17: ("Upgrade, interrupted upgrade, downgrade", "a copy first, whole or not at all; newer is refused"),
    18: ("A job forks away", "nothing of it is left at its end"),
    19: ("A job ignores signals, is stopped or frozen", "it is killed after its grace"),
    20: ("A job that cannot be killed", "said so; its resources stay busy, its node takes no more"),
    21: ("A flood of output", "capped, and told; the daemon is well"),
    22: ("Out of memory", "told as the reason, by the kernel's own count"),
    23: ("Zombies", "none after a thousand jobs"),
    24: ("A node is lost and comes back", "old attempts are killed before it takes work"),
    25: ("The network is cut or slow", "jobs go on, ends are told afterwards, nothing starts twice"),
    26: ("The engine below lies or is slow", "LOST rather than a guess; no second submission"),
    27: ("The engine below forgets", "noticed; jobs keep the ends that they had"),
    28: ("The machine is started anew", "jobs of before are told as such; no process id is trusted"),
    29: ("The server is stopped as services are", "under five seconds, no acknowledgement lost, jobs live"),
    30: ("Very many jobs, for very long", "memory, descriptors and cgroups do not grow; old rows go"),
    31: ("A backup while busy, and back to it", "nothing runs twice, no id is handed out twice"),
    32: ("Orders for one job from all sides", "one outcome, by legal moves alone"),
    33: ("Jobs that end at once, output of every kind", "real exit codes, output byte for byte"),
    34: ("Accounts and homes that are gone or broken", "one attempt, one sentence, no storm of retries"),
}

HEAD = """# Faults and the tests that make them happen

<!-- Made by `make docs` from tests/tidy/faults.py and the docstrings of tests; change those. -->

Each of these happens to a system of this kind sooner or later. Most of these tests run the whole product as
root, make the fault happen while jobs run, and compare afterwards with journals that the product has no part
in (`tests/system/verify.py`).
"""
_NUMBERS = re.compile(r"\bF(\d{1,2})\b(?: to F(\d{1,2})\b)?")


def made_to_happen() -> dict[int, list[str]]:
    """By fault, `file::test` of those that make it happen."""
    return tests_by_number(FAULTS, _tests)


def _tests(source: Source) -> Iterator[tuple[int, str]]:
    """What a file says of itself holds for all of its tests that say nothing else."""
    if "/test_" not in source.name:
        return
    of_file = _numbers(ast.get_docstring(source.tree) or "")
    for name, function in functions(source):
        if name.rpartition(".")[2].startswith("test_"):
            own = _numbers(ast.get_docstring(function) or "")
            own += [int(number) for number in re.findall(r"test_f(\d+)_", name)]
            for number in dict.fromkeys(own or of_file):
                if number in FAULTS:
                    yield number, f"{source.name}::{name}"


def _numbers(text: str) -> list[int]:
    return [
        number
        for first, last in _NUMBERS.findall(text)
        for number in range(int(first), int(last or first) + 1)
    ]


def faults_page() -> str:
    """docs/reference/faults.md"""
    return page(HEAD, FAULTS, made_to_happen())
