"""Pages of the documentation that are made from the code: `make docs` writes them, a test compares them."""

import textwrap
import tomllib

from launchyard.config.keys import KEYS, TITLES
from launchyard.model.state import ALLOCATED, ENDED, TRANSITIONS, JobState
from launchyard.policy.causes import CAUSES
from tests.tidy.faults import faults_page
from tests.tidy.manual import commands_page, man_pages
from tests.tidy.messages import refusals_page, waits_page
from tests.tidy.source import ROOT
from tests.tidy.threats import threats_page
from tests.tidy.typescript import types_page

MEANINGS = {
    JobState.PENDING: "Waits. `ly why` says for what.",
    JobState.STARTING: "Has resources; the order to start is given.",
    JobState.RUNNING: "Its program runs.",
    JobState.SUSPENDED: "Stopped for a while; keeps its resources.",
    JobState.COMPLETING: "Its main process ended; what it left behind is being killed.",
    JobState.COMPLETED: "Ended with exit code 0.",
    JobState.FAILED: "Ended with another exit code or by a signal, or could not be started.",
    JobState.CANCELLED: "Somebody asked for it.",
    JobState.TIMEOUT: "Ran into its time limit.",
    JobState.OUT_OF_MEMORY: "Needed more memory than it asked for.",
    JobState.NODE_FAIL: "Its node stopped answering.",
    JobState.PREEMPTED: "Made room for a more urgent job.",
    JobState.DEADLINE: "Could not end before its deadline.",
    JobState.LOST: "Its end is not known: never reported as success, never run again silently.",
}

STATES_HEAD = """# States of a job

<!-- Made by `make docs` from src/launchyard/model/state.py; change that file, not this one. -->

A job is always in one of these states. It moves only as the table below allows: anything else is a fault of
ours and is refused. Nothing leaves an ended state; a rerun is a new job.

| state | meaning | holds resources | ended |
|---|---|---|---|
"""

MOVES_HEAD = """
## Moves

An array's record follows its tasks: it is RUNNING while any of them is at work, and ends with the last one.

| from | what happened | to |
|---|---|---|
"""

CONFIGURATION_HEAD = """# Configuration

<!-- Made by `make docs` from src/launchyard/config/keys.py; change that file, not this one. -->

One TOML file: `~/.config/launchyard/config.toml`, for root `/etc/launchyard/config.toml`, or the one that
`ly up --config FILE` names. It may be missing: every key has a default. An unknown key or a wrong value is
refused with its line and the nearest right one. Root reads it only when nobody else can write it or a
directory above it. The state is in `~/.local/state/launchyard`, for root in `/var/lib/launchyard`;
`LAUNCHYARD_STATE` and `ly up --state DIR` name another place.

```toml
# A workstation with four virtual nodes, for trying things out
log_cap = "2GiB"

[[nodes]]
name = "n[1-4]"
cpus = 4
memory = "4GiB"
gpus = "fake:2"

[[partitions]]
name = "main"
default = true
time_limit = "24h"

[[partitions]]
name = "short"
tier = 10
time_limit = "10m"
time_limit_max = "1h"

[[accounts]]
name = "physics"
everyone = true
limits = { gpus = 4 }
per_user = { waiting = 1000 }
```

What is in `partitions`, `qos`, `accounts`, `users` and `scheduler` can also be changed while the server runs.
"""

ERRORS_HEAD = """# Why a job ended

<!-- Made by `make docs` from src/launchyard/policy/causes.py and tests/data/failures; change those. -->

`ly why ID` (and `GET /v1/jobs/ID/why`) says of an ended job what happened, shows the line of its log that
belongs to it and gives one command that helps. Its `code` is one of the words below; they do not change.
`More` leads to the same in the portal, `GET /v1/errors/end:CODE` has it for programs.

What the system saw goes before what the log says: the state, a signal, what a shell means by 126, 127 and
128 + n. Of the log the first and last 64 KiB are read, by a process of the job's user. Messages in English
are known of Python, R, Julia, Java, Node.js, Perl, Rust, Go, C and C++, Fortran, compilers and make, shells,
conda and modules, CUDA with PyTorch, TensorFlow and JAX, and MPI. A log that only mentions errors is no
cause: then the code is `exit-code`.
"""


def states_page() -> str:
    """docs/explain/states.md"""
    rows = [
        f"| {state} | {MEANINGS[state]} | {_yes(state in ALLOCATED)} | {_yes(state in ENDED)} |"
        for state in JobState
    ]
    moves = [
        f"| {state} | {move} | {following} |"
        for state, row in TRANSITIONS.items()
        for move, following in row.items()
    ]
    return STATES_HEAD + "\n".join(rows) + "\n" + MOVES_HEAD + "\n".join(moves) + "\n"


def configuration_page() -> str:
    """docs/reference/configuration.md"""
    parts = [CONFIGURATION_HEAD]
    for table, keys in KEYS.items():
        title = TITLES.get(table, f"`[[{table}]]`")
        rows = [f"| `{key}` | {_code(default)} | {meaning} |" for key, (default, meaning) in keys.items()]
        parts.append(f"\n## {title}\n\n| key | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def errors_page() -> str:
    """docs/reference/errors.md"""
    examples = _examples()
    parts = [ERRORS_HEAD]
    for code, cause in CAUSES.items():
        parts.append(f"\n## {code}\n\n{_wrapped(cause.meaning)}\n")
        parts.append(f"\n{_wrapped(f'*What helps:* {cause.help}')}\n" if cause.help else "")
        if code in examples:
            line, command = examples[code]
            parts.append(f"\n```text\n{line}\n-> {command}\n```\n")
    return "".join(parts)


def _examples() -> dict[str, tuple[str, str]]:
    """Of each code, line and command of the first recorded failure that has a line."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((ROOT / "tests/data/failures").glob("*.txt")):
        expected = tomllib.loads(path.read_bytes().decode().partition("+++ log\n")[0])["expected"]
        if "line" in expected and len(expected["line"]) <= 120:
            found.setdefault(expected["code"], (expected["line"], expected["command"]))
    return found


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _code(default: str) -> str:
    return f"`{default}`" if default[0] in '"[0123456789' or default in ("true", "false") else default


PAGES = {
    "docs/explain/states.md": states_page,
    "docs/reference/configuration.md": configuration_page,
    "docs/reference/commands.md": commands_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/refusals.md": refusals_page,
    "docs/reference/waiting.md": waits_page,
    "web/src/api/types.ts": types_page,
}

LISTS = {"docs/reference/threats.md": threats_page, "docs/reference/faults.md": faults_page}
"""Made by `make docs` too; what is new since need not stand there at once."""

if __name__ == "__main__":
    for name, page in {**PAGES, **LISTS}.items():
        (ROOT / name).write_text(page())
    for name, text in man_pages().items():
        (ROOT / "docs/man" / name).write_text(text)
