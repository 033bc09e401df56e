"""`python -m launchyard.sim TRACE --policy NAME`: a recorded workload under other policies, as JSON.

`ly simulate` starts it as a process of its own: the client holds no policies.
"""

import argparse
import difflib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from launchyard.model.errors import Invalid
from launchyard.sim.distribution import Outcome, outcome
from launchyard.sim.measures import Measures, measure
from launchyard.sim.policies import POLICIES, Policy
from launchyard.sim.replay import replay
from launchyard.sim.report import page
from launchyard.sim.trace import read_trace

WRONG_USE = 2


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise Invalid(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """One JSON object for one policy, a list for several. Exit code 2 when a word or the trace is wrong."""
    try:
        asked = _parser().parse_args(arguments)
        results = simulate(asked)
        found = [asdict(one) for one in results]
        print(json.dumps(found[0] if len(found) == 1 else found, indent=2), flush=True)
    except Invalid as error:
        sys.stderr.write(f"ly: {error}\n")
        return WRONG_USE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Nobody reads any more; the interpreter's own last flush must find something that takes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    except OSError as error:
        sys.stderr.write(f"ly: the result cannot be written: {error.strerror}\n")
        return 1
    return 0


def simulate(asked: argparse.Namespace) -> list[Measures]:
    """What was asked for, one policy after the other. Raises `Invalid`."""
    names = list(dict.fromkeys(asked.policy or ["default"]))
    policies = [_policy(name, per_second=asked.passes == "per-second") for name in names]
    if asked.report is not None and not asked.report.parent.is_dir():
        raise Invalid(f"cannot write the report {asked.report}: there is no directory {asked.report.parent}")
    trace = read_trace(asked.trace, asked.processors)
    results: list[Measures] = []
    outcomes: list[Outcome] = []
    for policy in policies:
        progress = _Progress(policy.name, len(trace.jobs)) if sys.stderr.isatty() else None
        try:
            replay(trace, policy, per_second=asked.passes == "per-second", progress=progress)
        finally:
            if progress is not None:
                progress.clear()
        results.append(measure(policy.name, trace))
        if asked.report is not None:
            outcomes.append(outcome(results[-1], policy.meaning, trace))
    if asked.report is not None:
        _write(asked.report, page(asked.title or asked.trace.name, trace, outcomes))
    return results


def _parser() -> Parser:
    parser = Parser(prog="python -m launchyard.sim", description=__doc__, allow_abbrev=False)
    parser.add_argument("trace", type=Path, help="a trace in the Standard Workload Format, plain or gzip")
    parser.add_argument("--policy", action="append", metavar="NAME", help=", ".join(POLICIES))
    parser.add_argument("--passes", choices=("per-event", "per-second"), default="per-event")
    parser.add_argument("--processors", type=_count, help="instead of what the trace says")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write plots into this file")
    parser.add_argument("--title", help="what the report is headed by instead of the trace's name")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0 and len(text) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processors")
    return int(text)


def _policy(name: str, *, per_second: bool) -> Policy:
    if name not in POLICIES:
        near = difflib.get_close_matches(name, POLICIES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(POLICIES)}"
        raise Invalid(f"there is no policy {name!r}; {hint}")
    policy = POLICIES[name]
    if policy.conservative and per_second:
        raise Invalid(
            f"{name} has no passes: each job gets its reservation when it is submitted; "
            "leave out --passes per-second"
        )
    return policy


class _Progress:
    """One line on the terminal that is written over."""

    def __init__(self, policy: str, jobs: int) -> None:
        self._policy, self._jobs = policy, jobs

    def __call__(self, submitted: int) -> None:
        sys.stderr.write(f"\r\x1b[K{self._policy}: {submitted:,} of {self._jobs:,} jobs")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"cannot write the report {path}: {error.strerror}") from None
