"""`ly logs`: what a job printed, byte for byte."""

import sys
from collections.abc import Iterator
from typing import AnyStr, BinaryIO

import click

from launchyard.cli.ids import parse_ids
from launchyard.cli.options import client
from launchyard.cli.output.screen import out_json
from launchyard.model.errors import Invalid
from launchyard.sdk.client import Client


@click.command()
@click.argument("job", metavar="JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--stream", type=click.Choice(["stdout", "stderr"]), help="The one or the other file.")
@click.option("--setup", is_flag=True, help="How its runtime environment was set up.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the text.")
def logs(job: str, follow: bool, stream: str | None, setup: bool, tail: int | None, as_json: bool) -> None:
    """What a job printed."""
    ids = parse_ids([job])
    if setup:
        stream = "setup"
    if len(ids) > 1:
        raise Invalid(f"{job} names {len(ids)} jobs; the logs of one are shown at a time")
    with client() as server:
        if as_json:
            text = b"".join(server.logs(ids[0], stream=stream, follow=follow)).decode(errors="replace")
            out_json({"job": ids[0], "text": "".join(last_lines(text.splitlines(keepends=True), tail))})
            return
        copy(pieces(server, ids[0], follow=follow, stream=stream, tail=tail), sys.stdout.buffer)


def pieces(
    server: Client, job: str, *, follow: bool, stream: str | None, tail: int | None
) -> Iterator[bytes]:
    """The log, or its last lines and then what is added to it."""
    if tail is None:
        yield from server.logs(job, stream=stream, follow=follow)
        return
    seen = b"".join(server.logs(job, stream=stream))
    yield b"".join(last_lines(seen.splitlines(keepends=True), tail))
    if follow:
        yield from server.logs(job, stream=stream, follow=True, offset=len(seen))


def last_lines(lines: list[AnyStr], count: int | None) -> list[AnyStr]:
    if count is None:
        return lines
    return lines[-count:] if count else []


def copy(parts: Iterator[bytes], sink: BinaryIO) -> None:
    for part in parts:
        sink.write(part)
        sink.flush()
