"""Sessions in each of their states."""

from dataclasses import replace
from typing import Any

from launchyard.model.event import Exited, NodeLost
from launchyard.model.job import Job, JobKind
from launchyard.model.session import Session, Speaks
from launchyard.policy.lifecycle import apply
from tests.browser.still.moment import HOME, HOUR, MINUTE, NOW
from tests.browser.still.present import NEXT, asked, cancel, ended, job, on

SHELL, JUPYTER, STARTING, QUEUED, STOPPING, ENDED, FAILED, NODE_GONE = range(NEXT, NEXT + 8)


def sessions() -> list[Job]:
    return [
        _running(SHELL, "shell", "Shell", "terminal", cpus=1, speaks=Speaks.TERMINAL),
        _running(JUPYTER, "jupyter", "JupyterLab", "jupyter", cpus=2),
        _starting(),
        _queued(),
        cancel(_running(STOPPING, "marimo", "marimo", "marimo", cpus=0)),
        _ended(),
        _failed(),
        _node_gone(),
    ]


def _waits(number: int, app: str, title: str, icon: str, ago_s: float, **more: Any) -> Job:
    folder = f"/usr/share/launchyard/apps/{app}"
    speaks = more.pop("speaks", Speaks.HTTP)
    session = Session(app=app, title=title, folder=folder, icon=icon, speaks=speaks, idle_stop_s=7200)
    return job(
        number,
        more.pop("name", title),
        ago_s,
        kind=JobKind.SESSION,
        session=session,
        working_dir=HOME,
        time_limit_s=4 * 3600,
        **more,
    )


def _running(
    number: int, app: str, title: str, icon: str, *, cpus: float, speaks: Speaks = Speaks.HTTP
) -> Job:
    waits = _waits(number, app, title, icon, 80 * MINUTE, request=asked(cpus, 4), speaks=speaks)
    runs = on(waits, "n2", waited_s=8)
    session, attempt = runs.session, runs.attempt
    assert session is not None
    assert attempt is not None
    at = NOW - 79 * MINUTE
    told = replace(session, launch_id=attempt.launch_id, listened_at=at, answered_at=at + 2)
    return replace(runs, session=told)


def _starting() -> Job:
    return on(_waits(STARTING, "code", "VS Code", "code", 31, request=asked(3, 4)), "n2", waited_s=6)


def _queued() -> Job:
    request = asked(4, 32, 1)
    return _waits(QUEUED, "desktop", "Desktop", "desktop", 6 * MINUTE, request=request, partition="gpu")


def _ended() -> Job:
    waits = _waits(ENDED, "tensorboard", "TensorBoard", "tensorboard", 6 * HOUR, request=asked(1, 2))
    stopped = replace(on(waits, "n1"), stop_requested="nobody used it for 2 h")
    return ended(stopped, 3 * HOUR, signal=15)


def _failed() -> Job:
    waits = _waits(FAILED, "jupyter", "JupyterLab", "jupyter", 2 * HOUR, name="notebooks-of-the-course")
    runs = on(waits, "n3")
    session, attempt = runs.session, runs.attempt
    assert session is not None
    assert attempt is not None
    sentence = "JupyterLab did not answer within 5 min of its start; the last lines of its log may say why"
    told = replace(session, launch_id=attempt.launch_id, failure=sentence)
    at = NOW - 2 * HOUR + 5 * MINUTE
    return apply(replace(runs, session=told), Exited(at=at, exit_code=1), at)


def _node_gone() -> Job:
    waits = _waits(NODE_GONE, "code", "VS Code", "code", 10 * HOUR, request=asked(2, 4))
    lost = NodeLost(sentence="node n4 stopped answering")
    return apply(on(waits, "n4"), lost, NOW - 9 * HOUR)
