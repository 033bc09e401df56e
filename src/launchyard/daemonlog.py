"""The daemon's log: one line an event, bounded, and no line that a user's text could forge.

Control characters of what users named are escaped, so a job called "x\\n2026 all is well" stays one line.
"""

import json
import logging
import logging.handlers
import os
import time
from pathlib import Path

from launchyard.model.errors import Invalid

BYTES_MAX = 10 * 1024 * 1024
KEPT = 3


def open_log(path: Path, form: str = "text") -> None:
    """Send everything that is logged to `path`, rotated at 10 MiB; readable by our user alone.

    `form` "json": an object a line. Raises `Invalid`.
    """
    try:
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=BYTES_MAX, backupCount=KEPT, encoding="utf-8", errors="backslashreplace"
        )
        path.chmod(0o600)
    except OSError as error:
        raise Invalid(
            f"cannot write the log {path}: {error.strerror}; remove it or give it to uid {os.geteuid()}, "
            "then start again"
        ) from None
    handler.setFormatter(_formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)


def reopen_log(form: str) -> None:
    """Go on in the file that has the name now: somebody else may have moved the old one away."""
    for handler in logging.getLogger().handlers:
        handler.close()
        handler.setFormatter(_formatter(form))


def _formatter(form: str) -> logging.Formatter:
    if form == "json":
        return _Object()
    return _OneLine("%(asctime)s %(levelname)s %(name)s %(message)s")


class _OneLine(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


class _Object(_OneLine):
    """`at`, `level`, `logger`, `message`, and `error` (a traceback) where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said)
