"""Bodies into what the controller understands: texts parsed, limits of size checked, nothing guessed.

Everything here is a property of the request alone; what the cluster allows is the controller's to say.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from unicodedata import category

from launchyard.model import notify
from launchyard.model.array import parse_indexes
from launchyard.model.dependency import Dependency, parse_dependency
from launchyard.model.errors import Invalid
from launchyard.model.job import JobKind, Warning
from launchyard.model.number import shown
from launchyard.model.raycluster import with_wish
from launchyard.model.retries import BACKOFF_MAX_S, Retries, parse_retried
from launchyard.model.retries import COUNT_MAX as RETRIES_MAX
from launchyard.model.runtimeenv import check as check_runtime_env
from launchyard.model.signals import parse_signal
from launchyard.model.submission import PartAsked, Submission, Update
from launchyard.model.walltime import WALLTIME_MAX_S
from launchyard.model.when import parse_rfc3339
from launchyard.model.wishes import Wishes
from launchyard.wire.submit import PartOfJob, Resources, SubmitJob, TryAgain, UpdateJob, WarningSignal, Window
from launchyard.wire.wishes import count, gpus_of, wishes_of

NAME_MAX = 256
PATH_MAX_BYTES = 4096
METADATA_MAX_BYTES = 64 * 1024
ENVIRONMENT_MAX_BYTES = 1024 * 1024
SCRIPT_MAX_BYTES = 4 * 1024 * 1024
WORD_MAX_BYTES = 128 * 1024 - 1
"""The kernel's own bound of one argument or one `NAME=value`."""
ARGUMENTS_MAX_BYTES = 512 * 1024
COUNT_MAX = 2**31 - 1
WINDOW_MAX = 10_000

T = TypeVar("T")

NO_RESOURCES = Resources()
NO_WISHES = Wishes()

_SUBMISSION_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_SPOOFING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def to_submission(body: SubmitJob) -> Submission:
    """The submission that a body asks for. Raises `Invalid`."""
    _refuse_attached(body)
    indexes, throttle = (None, None) if body.array is None else _coded("array", parse_indexes, body.array)
    asked = body.resources
    return Submission(
        kind=_kind(body),
        command=_command(body),
        script=_script(body.script),
        arguments=_words(body.arguments, "arguments"),
        name=checked_name(body.name, "name"),
        account=checked_name(body.account, "account"),
        partition=checked_name(body.partition, "partition"),
        qos=checked_name(body.qos, "qos"),
        cluster=checked_name(body.cluster, "cluster"),
        group=checked_name(body.group, "group"),
        cpus_milli=_cpus_milli(asked.cpus, "resources.cpus"),
        memory_mib=_count(asked.memory_mib, "resources.memory_mib", 0),
        gpus=gpus_of(asked.gpus, "resources.gpus")[0] or 0,
        nodes=count(asked.nodes, "resources.nodes"),
        wishes=wishes_of(asked, "resources.") if asked != NO_RESOURCES else NO_WISHES,
        parts=tuple(_part(one, f"parts[{number}].") for number, one in enumerate(body.parts)),
        part_metadata=_metadata(body.part_metadata),
        time_limit_s=_time_limit_s(body.time_limit_s),
        time_min_s=_time_limit_s(body.time_min_s, "time_min_s"),
        warning=_warning(body.warning),
        indexes=indexes,
        throttle=throttle,
        dependency=None if body.after is None else _coded("dependency", parse_dependency, body.after),
        keep_on_failed_dependency=body.keep_on_failed_dependency,
        keep_beyond_limits=body.keep_beyond_limits,
        begin_at=parse_rfc3339(body.begin_at) if body.begin_at is not None else None,
        deadline_at=parse_rfc3339(body.deadline_at) if body.deadline_at is not None else None,
        held=body.hold,
        requeue=body.requeue,
        retries=_retries(body.retries),
        nice=_count(body.nice, "nice", -COUNT_MAX) or 0,
        working_dir=_working_dir(body.working_dir),
        environment=_environment(body.environment),
        runtime_env=_runtime_env(body.runtime_env),
        stdin=_path(body.stdin, "stdin"),
        stdout=_path(body.stdout, "stdout"),
        stderr=_path(body.stderr, "stderr"),
        append=body.append,
        terminal=body.terminal,
        window=_window(body.window),
        submission_id=_submission_id(body.submission_id),
        metadata=with_wish(_metadata(body.metadata), body.runtime_env),
    )


def _part(body: PartOfJob, path: str) -> PartAsked:
    asked, path = body.resources, f"{path}resources."
    return PartAsked(
        partition=checked_name(body.partition, "partition"),
        cpus_milli=_cpus_milli(asked.cpus, f"{path}cpus"),
        memory_mib=_count(asked.memory_mib, f"{path}memory_mib", 0),
        gpus=gpus_of(asked.gpus, f"{path}gpus")[0] or 0,
        nodes=count(asked.nodes, f"{path}nodes"),
        wishes=wishes_of(asked, path),
        metadata=_metadata(body.metadata),
    )


def _coded(code: str, parse: Callable[[str], T], text: str) -> T:
    """What was parsed; what cannot be is refused with a code of its own, for Slurm's commands."""
    try:
        return parse(text)
    except Invalid as error:
        raise Invalid(str(error), code=code) from None


def to_update(body: UpdateJob) -> Update:
    """What a body changes of a job. Raises `Invalid`, also when it changes nothing."""
    if body == UpdateJob():
        raise Invalid('the body changes nothing. Write for example {"time_limit_s": 3600}.')
    return Update(
        name=checked_name(body.name, "name"),
        time_limit_s=_time_limit_s(body.time_limit_s),
        nice=_count(body.nice, "nice", -COUNT_MAX),
        partition=checked_name(body.partition, "partition"),
        cpus_milli=_cpus_milli(body.cpus, "cpus"),
        memory_mib=_count(body.memory_mib, "memory_mib", 0),
        gpus=gpus_of(body.gpus, "gpus")[0],
        nodes=count(body.nodes, "nodes"),
        wishes=_new_wishes(body),
        begin_at=parse_rfc3339(body.begin_at) if body.begin_at is not None else None,
        throttle=_count(body.array_throttle, "array_throttle", 0),
        account=checked_name(body.account, "account"),
        qos=checked_name(body.qos, "qos"),
        dependency=_new_dependency(body.after),
        deadline_at=_new_time(body.deadline_at),
        metadata=None if body.metadata is None else _metadata(body.metadata),
        requeue=body.requeue,
        stdout=_path(body.stdout, "stdout"),
        stderr=_path(body.stderr, "stderr"),
        working_dir=_working_dir(body.working_dir),
        time_min_s=_time_limit_s(body.time_min_s, "time_min_s"),
    )


def checked_name(text: str | None, what: str) -> str | None:
    """A name that can be printed on one line of anybody's terminal as it is. Raises `Invalid`."""
    if text is None:
        return None
    if not text.strip():
        raise Invalid(f"{what} is empty; leave it out or name something")
    if len(text) > NAME_MAX:
        raise Invalid(f"{what} is {len(text)} characters long; at most {NAME_MAX} are possible")
    if not text.isprintable() and any(category(c) in ("Cc", "Cs") or c in _SPOOFING for c in text):
        raise Invalid(f"{what} {shown(text)} holds control characters; remove them")
    return text


def _kind(body: SubmitJob) -> JobKind | None:
    if body.kind is not None and body.script is not None:
        raise Invalid(f"kind {body.kind} goes with a command, not with a script")
    return None if body.kind is None else JobKind(body.kind)


def _command(body: SubmitJob) -> tuple[str, ...]:
    if body.command is not None and body.script is not None:
        raise Invalid("command and script are both given; give one of them")
    if body.command is None and body.script is None:
        raise Invalid('there is nothing to run; give a command such as ["python", "train.py"], or a script')
    if body.command is None:
        return ()
    if body.arguments:
        raise Invalid("arguments go with a script; put those of a command into the command's list")
    words = ("/bin/sh", "-c", body.command) if isinstance(body.command, str) else tuple(body.command)
    if not words or not words[-1 if isinstance(body.command, str) else 0].strip():
        raise Invalid("command is empty; name a program to run")
    return _words(words, "command")


def _words(words: Sequence[str], what: str) -> tuple[str, ...]:
    total = 0
    for word in words:
        size = _size(word)
        total += size + 1
        if size > WORD_MAX_BYTES:
            raise Invalid(
                f"{what} has a part of {size} bytes; the kernel takes {WORD_MAX_BYTES}. Use a script."
            )
    if total > ARGUMENTS_MAX_BYTES:
        raise Invalid(
            f"{what} is {total} bytes long; at most {ARGUMENTS_MAX_BYTES} are possible. Use a script."
        )
    return tuple(words)


def _script(text: str | None) -> str | None:
    if text is None:
        return None
    size = _size(text)
    if size > SCRIPT_MAX_BYTES:
        raise Invalid(f"the script is {size} bytes long; at most {SCRIPT_MAX_BYTES} are possible")
    first = text.partition("\n")[0]
    if not first.startswith("#!") or not first[2:].strip():
        raise Invalid(
            "the script has no #! line, so nothing says what runs it. "
            "Begin it with #!/bin/bash, or give a command instead."
        )
    if first.endswith("\r"):
        raise Invalid("the script has Windows line ends: its #! line names no program. Run dos2unix on it.")
    return text


def _environment(variables: Mapping[str, str] | None) -> Mapping[str, str] | None:
    if variables is None:
        return None
    total = 0
    for name, value in variables.items():
        if not name or "=" in name:
            raise Invalid(f"environment has the name {shown(name)}; names are not empty and hold no '='")
        size = _size(name) + _size(value) + 1
        total += size + 1
        if size > WORD_MAX_BYTES:
            raise Invalid(
                f"environment's {shown(name)} is {size} bytes long; the kernel takes {WORD_MAX_BYTES}"
            )
    if total > ENVIRONMENT_MAX_BYTES:
        raise Invalid(f"environment is {total} bytes long; at most {ENVIRONMENT_MAX_BYTES} are possible")
    return variables


def _runtime_env(asked: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """As it was asked for, once it is known to be understood."""
    if not asked:
        return None
    check_runtime_env(asked)
    return asked


def _metadata(entries: Mapping[str, str]) -> Mapping[str, str]:
    total = sum(_size(key) + _size(value) for key, value in entries.items())
    if total > METADATA_MAX_BYTES:
        raise Invalid(f"metadata is {total} bytes long; at most {METADATA_MAX_BYTES} are possible")
    notify.check(entries)
    return entries


def _working_dir(path: str | None) -> str | None:
    if path is not None and not path.startswith("/"):
        raise Invalid(f"working_dir {shown(path)} is not absolute; begin it with /")
    return _path(path, "working_dir")


def _path(path: str | None, what: str) -> str | None:
    if path is not None and not path:
        raise Invalid(f"{what} is empty; leave it out or name a path")
    if path is not None and _size(path) >= PATH_MAX_BYTES:
        raise Invalid(f"{what} is {_size(path)} bytes long; a path has at most {PATH_MAX_BYTES - 1}")
    return path


def _submission_id(text: str | None) -> str | None:
    if text is not None and not _SUBMISSION_ID.fullmatch(text):
        raise Invalid(f"submission_id {shown(text)} must be 1 to 128 letters, digits, '.', '_' or '-'")
    return text


def _warning(warning: WarningSignal | None) -> Warning | None:
    if warning is None:
        return None
    before_s = _count(warning.before_s, "warning.before_s", 0) or 0
    return Warning(signal=parse_signal(warning.signal), before_s=before_s, target=warning.target)


def _window(window: Window) -> tuple[int, int]:
    for name, size in (("rows", window.rows), ("columns", window.columns)):
        if not 1 <= size <= WINDOW_MAX:
            raise Invalid(f"window.{name} is {size}; it is between 1 and {WINDOW_MAX}")
    return window.rows, window.columns


def _retries(asked: TryAgain | None) -> Retries | None:
    """Raises `Invalid`. None when none are asked for."""
    if asked is None or asked.count == 0:
        return None
    if not 0 <= asked.count <= RETRIES_MAX:
        raise Invalid(f"retries.count is {asked.count}; it is between 0 and {RETRIES_MAX}")
    if not 0 <= asked.backoff_s <= BACKOFF_MAX_S:
        raise Invalid(f"retries.backoff_s is {asked.backoff_s}; it is between 0 and {BACKOFF_MAX_S}")
    return Retries(count=asked.count, backoff_s=asked.backoff_s, on=parse_retried(asked.on))


def _new_wishes(body: UpdateJob) -> Wishes | None:
    wishes = wishes_of(body, "")
    return None if wishes == NO_WISHES else wishes


def _refuse_attached(body: SubmitJob) -> None:
    if body.terminal and body.retries is not None and body.retries.count:
        raise Invalid("a job with a terminal is not tried again; leave out retries, or submit it without one")


def _new_dependency(text: str | None) -> Dependency | None:
    """One without clauses takes away what there was."""
    return None if text is None else parse_dependency(text) if text.strip() else Dependency(clauses=())


def _new_time(text: str | None) -> float | None:
    """0 takes away what there was."""
    return None if text is None else parse_rfc3339(text) if text.strip() else 0.0


def _time_limit_s(seconds: int | None, what: str = "time_limit_s") -> int | None:
    if seconds is not None and not 1 <= seconds <= WALLTIME_MAX_S:
        raise Invalid(f"{what} is {seconds}; it is between 1 s and {WALLTIME_MAX_S} s (100 years)")
    return seconds


def _cpus_milli(cpus: float | None, what: str) -> int | None:
    if cpus is None:
        return None
    if cpus and not 0.001 <= cpus <= COUNT_MAX / 1000:
        raise Invalid(
            f"{what} is {cpus:g}; ask for at least 0.001, or 0 for a job that only waits for others"
        )
    return round(cpus * 1000)


def _count(number: int | None, what: str, least: int) -> int | None:
    if number is not None and not least <= number <= COUNT_MAX:
        raise Invalid(f"{what} is {number}; it is between {least} and {COUNT_MAX}")
    return number


def _size(text: str) -> int:
    """Bytes in UTF-8; a text that has none (half of a surrogate pair) is refused."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise Invalid(f"the text {shown(text)} is not valid Unicode; send it in UTF-8") from None
