"""Sending packages: what the server has is not sent, what was interrupted goes on where it stopped."""

import importlib
import os
import time
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

from launchyard.model import lightjson
from launchyard.model.errors import Conflict, NotFound
from launchyard.sdk.errors import ConnectionLost, NotRunning, ProtocolError, TimedOut
from launchyard.sdk.packages import Known, Package, Source, listed, open_packed, open_ready
from launchyard.sdk.transport import Transport

PART_BYTES = 4 * 1024 * 1024
AT_ONCE = 4
"""How many packages are sent at the same time."""


class Progress(NamedTuple):
    """How far one package is: `sent` of `size` bytes of the archive of `files` files."""

    path: str
    files: int
    sent: int
    size: int


Report = Callable[[Progress], None]


def upload_all(
    transport: Transport, sources: Sequence[Source], report: Report | None = None, known: Known | None = None
) -> list[str]:
    """The URIs of the sources' packages, in their order, once the server has them all."""
    known = known or Known()
    if len(sources) == 1:
        return [upload(transport, sources[0], report, known)]
    futures = importlib.import_module("concurrent.futures")
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda source: upload(transport, source, report, known), sources))


def upload(transport: Transport, source: Source, report: Report | None, known: Known) -> str:
    """The URI of the package of this source, once the server has it."""
    entries = listed(source)
    package = known.find(entries, source.ready)
    if package is not None and received(transport, package) is None:
        return package.uri
    started_ns = time.time_ns()
    package, archive = open_packed(entries) if not source.ready else open_ready(source)
    with archive:
        send(transport, package, archive, str(source.path), report)
    # Only when no file was changed while it was read is the package the one of these files.
    if listed(source) == entries:
        known.add(entries, source.ready, package, now_ns=started_ns)
    return package.uri


def send(
    transport: Transport, package: Package, archive: IO[bytes], path: str, report: Report | None = None
) -> None:
    """Send what the server has not got yet; after a lost connection, from where it stopped."""
    offset = received(transport, package)
    give_up_at = time.monotonic() + transport.patience_s
    pause_s = 0.02
    while offset is not None:
        if report is not None:
            report(Progress(path, package.files, offset, package.size))
        if offset >= package.size:
            # All is there and not kept yet: another upload of the same is ending, or was cut off right there.
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 2)
            late = time.monotonic() > give_up_at
            offset = 0 if late else received(transport, package)
            give_up_at = time.monotonic() + transport.patience_s if late else give_up_at
            continue
        try:
            offset = _send_part(transport, package, archive, offset)
            give_up_at = time.monotonic() + transport.patience_s
        except (ConnectionLost, TimedOut, NotRunning, Conflict):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 2)
            offset = received(transport, package)
    if report is not None:
        report(Progress(path, package.files, package.size, package.size))


def received(transport: Transport, package: Package) -> int | None:
    """How many bytes of a package the server has got; None: all."""
    try:
        answer = transport.json("GET", package.route)
    except NotFound:
        return 0
    if package.wheel:
        return None
    return None if answer.get("complete") else int(answer["received"])


def _send_part(transport: Transport, package: Package, archive: IO[bytes], offset: int) -> int | None:
    if package.wheel:
        transport.content("PUT", package.route, os.pread(archive.fileno(), package.size, 0))
        return None
    data = os.pread(archive.fileno(), PART_BYTES, offset)
    headers = {}
    if len(data) < package.size:
        headers["Content-Range"] = f"bytes {offset}-{offset + len(data) - 1}/{package.size}"
    answer = lightjson.read(transport.content("PUT", package.route, data, headers=headers).decode())
    if answer.get("complete"):
        return None
    following = int(answer["received"])
    if not data or following <= offset:
        raise ProtocolError(f"the server takes no more of the package after {offset} of {package.size} bytes")
    return following
