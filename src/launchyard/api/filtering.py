"""The site's submit filter: a program that sees each submission first, and may change or refuse it.

It runs as the server's user, gets a JSON object on its standard input and answers with one: nothing or `{}`
(as it is), `{"refuse": "why"}`, or `{"job": {...}}` with what is to be otherwise. Where it fails nothing is
submitted.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from launchyard.launcher.hooks import refusal
from launchyard.model.errors import Forbidden, Invalid, Unavailable
from launchyard.model.submission import Caller, Submission

AT_ONCE = 8
ANSWER_MAX_BYTES = 64 * 1024
TEXT_MAX = 500

_TEXTS = ("name", "account", "partition", "qos")
_COUNTS = ("time_limit_s", "memory_mib", "nice")

_TAKEN: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, lambda value: value is None or isinstance(value, str)),
    **dict.fromkeys(_COUNTS, lambda value: value is None or type(value) is int),
}

_log = logging.getLogger(__name__)


class SubmitFilter:
    """`program` may be another one from one call to the next; None: there is no filter."""

    def __init__(self, program: Callable[[], Path | None], limit_s: Callable[[], float]) -> None:
        self._program = program
        self._limit_s = limit_s
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, caller: Caller, submission: Submission) -> Submission:
        """What is to be taken. Raises `Forbidden` with the site's text, `Unavailable` where it failed."""
        program = self._program()
        if program is None:
            return submission
        why = await asyncio.to_thread(refusal, str(program))
        if why is not None:
            raise _failed(f"it is not run: {why}")
        asked = json.dumps({"user": caller.user, "uid": caller.uid, "job": _told(submission)})
        async with self._at_once:
            data = await self._answer(program, asked.encode())
        try:
            said = json.loads(data) if data.strip() else {}
            return _changed(submission, said)
        except (ValueError, TypeError, AttributeError) as error:
            raise _failed(f"its answer is not understood: {error}") from None

    async def _answer(self, program: Path, asked: bytes) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                str(program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as error:
            raise _failed(f"it cannot be started: {error.strerror}") from None
        try:
            data, _ = await asyncio.wait_for(process.communicate(asked), self._limit_s())
        except TimeoutError:
            raise _failed(f"it took longer than {self._limit_s():g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise _failed(f"it ended with exit code {process.returncode}")
        if len(data) > ANSWER_MAX_BYTES:
            raise _failed("its answer is too long")
        return data


def _failed(why: str) -> Unavailable:
    _log.error("the submit filter failed: %s", why)
    return Unavailable(
        "the site's submit filter failed, so nothing was submitted; tell whoever runs this server"
    )


def _told(submission: Submission) -> dict[str, Any]:
    return {
        "kind": submission.kind,
        "command": list(submission.command),
        "script": submission.script,
        **{name: getattr(submission, name) for name in (*_TEXTS, *_COUNTS)},
        "cpus": None if submission.cpus_milli is None else submission.cpus_milli / 1000,
        "gpus": submission.gpus,
        "nodes": submission.nodes,
        "array": submission.indexes is not None,
        "working_dir": submission.working_dir,
        "metadata": dict(submission.metadata),
    }


def _changed(submission: Submission, said: Mapping[str, Any]) -> Submission:
    """Raises `Forbidden` where it refuses, `ValueError` for what it may not say."""
    if unknown := set(said) - {"refuse", "job"}:
        raise ValueError(f"there is no {sorted(unknown)[0]}")
    if said.get("refuse"):
        text = "".join(one if one.isprintable() else " " for one in str(said["refuse"]))
        raise Forbidden(text[:TEXT_MAX], code="submit-filter")
    changes: dict[str, Any] = {}
    for name, value in said.get("job", {}).items():
        if name in _TAKEN and _TAKEN[name](value):
            changes[name] = value
        elif name == "cpus" and isinstance(value, int | float) and not isinstance(value, bool):
            changes["cpus_milli"] = round(value * 1000)
        elif name == "gpus" and type(value) is int:
            changes["gpus"] = value
        elif name == "metadata" and all(isinstance(one, str) for one in (*value, *value.values())):
            changes["metadata"] = {**submission.metadata, **value}
        else:
            raise ValueError(f"{name} cannot be changed to {value!r}")
    if any(changes.get(name, 0) < 0 for name in ("cpus_milli", "gpus") if changes.get(name) is not None):
        raise ValueError("a count is less than 0")
    if (changes.get("time_limit_s") or 1) < 1 or (changes.get("memory_mib") or 0) < 0:
        raise ValueError("a limit is less than it can be")
    return replace(submission, **changes)


def checked(program: Path | None) -> None:
    """Raises `Invalid` for a program that would not be run."""
    if program is not None and (why := refusal(str(program))) is not None:
        raise Invalid(f"a hook of the site is not run: {why}")
