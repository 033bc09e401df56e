"""Checks passwords by PAM without waiting: asks the helper that was started before we gave up our rights."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

from launchyard import pamhelper
from launchyard.model.errors import Unavailable

AT_ONCE = 8
"""So many tries are under way together; further ones wait for their turn."""
TRY_MAX_S = 40.0
ANSWER_MAX_BYTES = 4096
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Verdict(StrEnum):
    """What PAM says. `barred`: the password is right, but the account is expired or may not log in."""

    OK = "ok"
    WRONG = "wrong"
    BARRED = "barred"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Checked:
    """A verdict, and whose password it was."""

    verdict: Verdict
    user: str


class Passwords:
    """The helper of one daemon; it ends with it."""

    def __init__(self, service: str) -> None:
        """Start it, with the rights that we have now."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = Path(pamhelper.__file__).with_name("main.py")
        command = [sys.executable, "-I", "-S", str(program), service]
        self.process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        ours.setblocking(False)
        self.uid = os.geteuid()
        self._wire = ours
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Checked]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._listens = False

    async def check(self, user: str, password: str, address: str) -> Checked:
        """Raises `Unavailable` where nobody can say."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            if not self._listens:
                loop.add_reader(self._wire, self._hear)
                self._listens = True
            number = next(self._numbers)
            waiting: asyncio.Future[Checked] = loop.create_future()
            self._waiting[number] = waiting
            asked = {"id": number, "user": user, "password": password, "from": address}
            try:
                await loop.sock_sendall(self._wire, json.dumps(asked).encode())
                async with asyncio.timeout(TRY_MAX_S):
                    return await waiting
            except (OSError, TimeoutError):
                raise Unavailable("passwords cannot be checked now; log in by a link: ly open") from None
            finally:
                del self._waiting[number]

    def close(self) -> None:
        """Its end; a try that is under way goes on to its own."""
        if self._listens:
            asyncio.get_running_loop().remove_reader(self._wire)
        self._wire.close()

    def _hear(self) -> None:
        try:
            said = self._wire.recv(ANSWER_MAX_BYTES)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            asyncio.get_running_loop().remove_reader(self._wire)
            for one in self._waiting.values():
                if not one.done():
                    one.set_exception(BrokenPipeError())
            return
        told: dict[str, Any] = json.loads(said)
        waiting = self._waiting.get(told["id"])
        if waiting is not None and not waiting.done():
            waiting.set_result(Checked(Verdict(told["is"]), told["user"]))
