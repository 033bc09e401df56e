"""The text to run: a script's, that of standard input, or one made of --wrap."""

import sys

from launchyard.cli.slurm.main import Refused

BYTES_MAX = 4 * 1024 * 1024
_NO_SHEBANG = (
    "error: This does not look like a batch script.  The first",
    "error: line must start with #! followed by the path to an interpreter.",
    "error: For instance: #!/bin/sh",
)


def wrapped(command: str) -> str:
    return f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{command}\n"


def read_script(path: str | None) -> str:
    """The script's text; None: from standard input. Raises `Refused` in the words of sbatch."""
    data = _read(path)
    if not data.strip():
        raise Refused("error: Batch script is empty!")
    if not data.startswith(b"#!"):
        raise Refused(*_NO_SHEBANG)
    if b"\0" in data:
        raise Refused(
            "error: The Slurm controller does not allow scripts that contain a NULL character '\\0'."
        )
    if b"\r\n" in data:
        raise Refused(
            "error: Batch script contains DOS line breaks (\\r\\n)",
            "error: instead of expected UNIX line breaks (\\n).",
        )
    if len(data) > BYTES_MAX:
        raise Refused(
            "error: Batch job submission failed: Pathname of a file, directory or other parameter too long"
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"error: {path} is not UTF-8 (byte {error.start + 1}); convert it with iconv") from None


def _read(path: str | None) -> bytes:
    if path is None:
        return sys.stdin.buffer.read(BYTES_MAX + 1)
    try:
        with open(path, "rb") as file:
            return file.read(BYTES_MAX + 1)
    except IsADirectoryError:
        return b""
    except OSError:
        raise Refused(f"error: Unable to open file {path}") from None
