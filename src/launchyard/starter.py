"""Whoever starts a daemon waits until it serves, or hears why it does not."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from launchyard.model.errors import LaunchyardError


class Starter:
    """Whoever started us, waiting at the other end of a pipe for one line."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def ready(self, facts: Mapping[str, Any]) -> None:
        self._say(facts)

    def refuse(self, error: LaunchyardError) -> None:
        if self._fd < 0:
            print(f"ly: {error}", file=sys.stderr)
        self._say({"error": str(error), "code": error.code})

    def _say(self, message: Mapping[str, Any]) -> None:
        if self._fd >= 0:
            os.write(self._fd, json.dumps(message).encode() + b"\n")
            os.close(self._fd)
            self._fd = -1
