"""The bodies of crontabs and triggers: bounded, and refused with the lines that are wrong."""

import pytest

from launchyard.model.cron import Cron
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.submission import Caller
from launchyard.model.trigger import Happening
from launchyard.wire.crontabs import CrontabLine, PutCrontab, to_lines
from launchyard.wire.submit import SubmitJob
from launchyard.wire.triggers import SetTrigger, to_trigger

ADA = Caller(user="ada", uid=1000)


def line(first: int = 1, last: int = 1, spec: str = "@daily", **job: object) -> CrontabLine:
    job.setdefault("script", "#!/bin/sh\n")
    return CrontabLine(spec=spec, first_line=first, last_line=last, job=SubmitJob(**job))  # type: ignore[arg-type]


def test_a_line_is_a_submission_that_comes_again() -> None:
    (one,) = to_lines(PutCrontab(text="#SCRON -n1\n@daily x\n", lines=[line(1, 2)]))

    assert one.cron == Cron("0 0 * * *", 1, 2)


@pytest.mark.parametrize(
    ("text", "lines", "why"),
    [
        ("@daily x\n", [line(spec="0 0 30 2 *")], "line 1: .* never comes"),
        ("\n\n@daily x\n", [line(2, 3, array="1-9")], "lines 2-3: .* an array"),
        ("@daily x\n", [line(1, 9)], "are not among the 2"),
        ("@daily x\n", [line(0, 1)], "are not among the 2"),
        ("@daily x\n", [line(name="a\x1bb")], "line 1: "),
        ("@daily x\0\n", [line()], "NUL"),
        ("@daily \ud800\n", [line()], "not Unicode"),
        ("x" * 300_000, [], "at most 262144"),
        ("@daily x\n", [line()] * 501, "at most 500"),
    ],
)
def test_a_table_that_cannot_be_is_refused(text: str, lines: list[CrontabLine], why: str) -> None:
    with pytest.raises(LaunchyardError, match=why):
        to_lines(PutCrontab(text=text, lines=lines))


def test_a_trigger_is_that_of_who_asks() -> None:
    body = SetTrigger(happenings=["down", "up", "down"], command=["/bin/x", "y"], nodes="n[1-2]")

    one = to_trigger(body, ADA)

    assert (one.uid, one.user, one.nodes) == (1000, "ada", ("n1", "n2"))
    assert one.happenings == (Happening.DOWN, Happening.UP)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"happenings": ["explode"]}, "explode"),
        ({"command": []}, "full path"),
        ({"command": ["bin/x"]}, "full path"),
        ({"command": ["/x" * 3000]}, "at most 4096"),
        ({"command": ["/x", "\0"]}, "no NUL"),
        ({"command": ["/x", "\ud800"]}, "not Unicode"),
        ({"nodes": "n1", "job_id": 4}, "not both"),
        ({"job_id": 0}, "out of range"),
        ({"nodes": "n[1-99999]"}, "99999"),
    ],
)
def test_a_trigger_that_cannot_be_is_refused(changes: dict[str, object], why: str) -> None:
    whole: dict[str, object] = {"happenings": ["down"], "command": ["/bin/x"], **changes}
    with pytest.raises(Invalid, match=why):
        to_trigger(SetTrigger(**whole), ADA)  # type: ignore[arg-type]
