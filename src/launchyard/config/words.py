"""Values that are written as text, read."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit

from launchyard.model.errors import Invalid
from launchyard.model.memory import parse_memory
from launchyard.model.number import is_digits, shown
from launchyard.model.walltime import parse_walltime


def listen(text: str) -> str:
    """`host:port`; `[::1]:8265` for IPv6."""
    host, _, port = text.rpartition(":")
    if not host or not is_digits(port) or int(port) > 65_535:
        raise Invalid(f"{shown(text)} is no address; write a host and a port, such as 127.0.0.1:8265")
    return text


def is_loopback(host: str) -> bool:
    """Whether this machine alone reaches it."""
    return host in ("localhost", "[::1]") or host.startswith("127.")


def state(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise Invalid(f"{shown(text)} is not an absolute path; write for example /var/lib/launchyard")
    return path


def listen_for_nodes(text: str) -> str:
    """`host:port` at which other machines reach this one: the channel to nodes has credentials of its own."""
    host, _, port = text.rpartition(":")
    if not host or not is_digits(port) or int(port) > 65_535:
        raise Invalid(f"{shown(text)} is no address; write a host and a port, such as 0.0.0.0:8266")
    return text


def cluster_address(text: str) -> str:
    """`host:port`, or an address with `http://`, `https://` or `unix:`."""
    bare = text.removeprefix("http://").removeprefix("https://").rstrip("/")
    port = bare.rpartition(":")[2]
    if text.startswith("unix:/") and text.isprintable():
        return text
    if not text.isascii() or not text.isprintable() or " " in text or ":" not in bare or not is_digits(port):
        raise Invalid(f"{shown(text)} is no address; write a host and a port, such as 10.0.0.1:6379")
    return text


def absolute(text: str) -> str:
    if not text.startswith("/") or not text.isprintable():
        raise Invalid(f"{shown(text)} is no absolute path; begin with /")
    return text


def rest_address(text: str) -> str:
    """`http://127.0.0.1:6820`, `https://slurm:6820`, `unix:/run/slurmrestd.sock`."""
    if text.startswith("unix:/") and text.isprintable():
        return text
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port
    except ValueError:
        known = None
    if not known or parts.path not in ("", "/") or parts.query or parts.username:
        raise Invalid(f"{shown(text)} is no address of slurmrestd; say http://HOST:PORT or unix:/PATH")
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise Invalid(f"{shown(text)} would send the token over the network as it is; use https or unix:")
    return text


def word(text: str) -> str:
    if not text or len(text) > 64 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in text):
        raise Invalid(f"{shown(text)} is no name; use letters, digits, dot, dash and underscore")
    return text


def log_cap(text: str) -> int | None:
    return None if text == "none" else parse_memory(text) << 20


def size(text: str) -> int:
    """Bytes, of a text such as `100MiB`."""
    return parse_memory(text) << 20


def gpus(text: str) -> tuple[int, str]:
    """`fake:2`, `2`."""
    kind, _, count = text.rpartition(":")
    if not is_digits(count) or int(count) > 1_024:
        raise Invalid(f"{shown(text)} names no number of GPUs; write 2 or fake:2")
    return int(count), word(kind) if kind else ""


def slurm_version(text: str) -> str:
    """Three numbers with points between them, such as `23.11.4`."""
    numbers = text.split(".")
    if len(numbers) != 3 or not all(is_digits(one) and len(one) < 4 for one in numbers):
        raise Invalid(f"the version {shown(text)} is not understood; write for example 23.11.4")
    if not (20 <= int(numbers[0]) <= 99 and int(numbers[1]) <= 12):
        raise Invalid(f"there is no version {shown(text)} of Slurm; write for example 23.11.4")
    return text


def ray_version(text: str) -> str:
    """Numbers with points between them, such as `2.60.0`."""
    numbers = text.split(".")
    if not 2 <= len(numbers) <= 3 or not all(is_digits(one) and len(one) < 4 for one in numbers):
        raise Invalid(f"the version {shown(text)} is not understood; write for example 2.60.0")
    if (int(numbers[0]), int(numbers[1])) < (2, 8):
        raise Invalid(f"Ray's clients want 2.8 or newer, not {shown(text)}; write for example 2.60.0")
    return text


def prefix(text: str) -> str:
    """A path of one word or several, such as `/ray`; empty: none."""
    parts = text.split("/")
    good = parts[0] == "" and all(one and word(one) and one.strip(".") for one in parts[1:])
    if (text and not good) or parts[1:2] in (["api"], ["v1"]):
        raise Invalid(f"the prefix {shown(text)} is not understood; write for example /ray")
    return text


def command(text: str) -> tuple[str, ...]:
    """A program and its arguments as a shell splits them; the program by its path. Empty: none."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise Invalid(f"{shown(text)} has a quote that is not closed") from None
    if words and not words[0].startswith("/"):
        raise Invalid(f"the program {shown(words[0])} has no path; write for example /usr/sbin/sendmail -t")
    return tuple(words)


def keep(text: str) -> float | None:
    """`90d`, or `none`: for good."""
    seconds = None if text.lower() == "none" else parse_walltime(text)
    return None if seconds is None else float(seconds)


def idle_stop(text: str) -> int | None:
    """`2h`, or `none`."""
    if text.lower() == "none":
        return None
    seconds = parse_walltime(text)
    if seconds is not None and seconds < 300:
        raise Invalid(f'{shown(text)} is too short; "5m" is the least, and "none" stops nothing')
    return seconds
