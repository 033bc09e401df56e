"""Start an app, tell the server when it answers, and end as it ends.

It is what a session's job executes, as its user and inside its limits, so that nothing outside has to look
again and again whether an app is there yet. When the app does not come to answer, the server is told why in
one sentence, which becomes the cause of the job's end.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

from launchyard.attendant.checks import CannotStart, check
from launchyard.attendant.order import FACTS, Order, take, variables
from launchyard.attendant.probe import Found, Probe
from launchyard.attendant.telling import teller_of

PAUSES_S = (0.05, 0.5)
TELL_S = 60.0
"""How long a server that is away is waited for before the end of a session that failed."""
ANSWERS_TELL_S = 7 * 24 * 3600.0
END_S = 10.0
NOT_STARTED, NEVER_ANSWERED = 78, 75
SHORT_DIRECTORY = "/tmp/ly-s-"  # noqa: S108 - with the launch's own id behind it


def main() -> NoReturn:
    order = take(os.environ)
    sys.exit(Attendant(order).run())


class Attendant:
    """One session, from its checks to its end."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._teller = teller_of(order)
        self._secret = secrets.token_urlsafe(32)
        self._port = free_port() if order.tcp else None
        self._probe = Probe(order, self._secret, self._port)
        self._ending = False
        self._listened = False

    def run(self) -> int:
        """The exit code of the job."""
        signal.signal(signal.SIGTERM, self._end)
        try:
            self._prepare()
            check(self._order)
            app = self._start()
        except (CannotStart, OSError) as error:
            return self._fail(str(error), NOT_STARTED)
        try:
            return self._attend(app)
        finally:
            if self._order.directory.startswith(SHORT_DIRECTORY):
                shutil.rmtree(self._order.directory, ignore_errors=True)

    # -- starting

    def _prepare(self) -> None:
        """The session's own directory, which nobody else may have made before. Raises `OSError`."""
        os.mkdir(self._order.directory, 0o700)
        self._write("secret", self._secret)
        self._write(FACTS, json.dumps({"secret": self._secret, "launch_id": self._order.launch_id}))

    def _write(self, name: str, text: str) -> None:
        path = os.path.join(self._order.directory, name)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "w") as file:
            file.write(text)

    def _start(self) -> "subprocess.Popen[bytes]":
        environ = {**os.environ, **variables(self._order)}
        if self._port is not None:
            environ["LAUNCHYARD_SESSION_PORT"] = str(self._port)
        shell = shutil.which("bash") or "/bin/sh"
        return subprocess.Popen(
            [shell, os.path.join(self._order.folder, "start.sh")],
            env=environ,
            stdin=subprocess.DEVNULL,
            preexec_fn=defaults,
        )

    # -- attending

    def _attend(self, app: "subprocess.Popen[bytes]") -> int:
        ended = os.pidfd_open(app.pid)
        until, pause_s = time.monotonic() + self._order.start_s, PAUSES_S[0]
        found = Found(False, False)
        while not found.answers:
            if select.select([ended], [], [], pause_s)[0]:
                return self._ended_early(app.wait())
            pause_s = min(pause_s * 1.3, PAUSES_S[1])
            found = self._probe.look()
            if found.listens and not self._listened and not found.answers:
                self._listened = self._teller.tell("listens", 0)
            if not found.answers and not self._ending and time.monotonic() > until:
                self._stop(app)
                return self._fail(never_answered(self._order, found), NEVER_ANSWERED)
        self._tell_answers(ended)
        return self._over(app.wait())

    def _tell_answers(self, ended: int) -> None:
        """Until the server has heard it or the app is gone, whichever is first."""
        facts = {"secret": self._probe.secret, "port": self._probe.port if self._order.tcp else None}
        fresh = os.path.join(self._order.directory, FACTS)
        self._write(f"{FACTS}.new", json.dumps({**facts, "launch_id": self._order.launch_id}))
        os.rename(f"{fresh}.new", fresh)
        pause_s = 0.0
        while not select.select([ended], [], [], pause_s)[0]:
            if self._teller.tell("answers", 0, **facts):
                return
            pause_s = min(2 * pause_s + 0.1, 5.0)

    def _ended_early(self, status: int) -> int:
        if self._ending:
            return self._over(status)
        return self._fail(early_end(self._order, status), code_of(status) or 1)

    def _over(self, status: int) -> int:
        return 0 if self._ending else code_of(status)

    def _fail(self, sentence: str, code: int) -> int:
        print(f"launchyard: {sentence}", file=sys.stderr, flush=True)
        self._teller.tell("failed", TELL_S, sentence=sentence)
        return code

    def _stop(self, app: "subprocess.Popen[bytes]") -> None:
        """What is left after it is the job's own to end."""
        app.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            app.wait(END_S)

    def _end(self, number: int, frame: FrameType | None) -> None:
        """The job is being ended: each process of it is told, the app too."""
        self._ending = True


def defaults() -> None:
    """As the launcher would have started it: Python ignores these two."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def code_of(status: int) -> int:
    """As a shell says it."""
    return status if status >= 0 else 128 - status


def never_answered(order: Order, found: Found) -> str:
    """The sentence of an app that runs and does not answer."""
    where = "its port" if order.tcp else "its socket"
    what = f"; {found.said}" if found.listens and found.said else f"; nothing listens at {where}"
    return f"{order.title} did not answer within {order.start_s:g} s of its start{what}"


def early_end(order: Order, status: int) -> str:
    """The sentence of an app that is gone before it was there."""
    if status == 127:
        return f"{order.title} ended before it answered: a program that it starts was not found (see its log)"
    if status < 0:
        return f"{order.title} was ended by signal {-status} before it answered"
    return f"{order.title} ended with exit code {status} before it answered"


if __name__ == "__main__":
    main()
