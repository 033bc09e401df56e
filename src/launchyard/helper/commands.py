"""A command that the server runs as this user, such as those of another batch system: words in, words out.

It has no more rights than its user, and nothing of our environment but what the order gives.
"""

import base64
import contextlib
import os
import signal
import subprocess

from launchyard.launcher.messages import Message

OUTPUT_MAX = 1024 * 1024


def command(order: Message) -> Message:
    """Run it to its end, or for as long as it may take: then its whole session is killed, and `code` None."""
    if order["makes"]:
        os.makedirs(order["makes"], mode=0o700, exist_ok=True)
    for path in order["removes"]:
        with contextlib.suppress(OSError):
            os.unlink(path)
    directory = order["directory"]
    process = subprocess.Popen(
        order["argv"],
        env=order["environment"],
        cwd=directory if os.path.isdir(directory) and os.access(directory, os.X_OK) else "/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    code: int | None
    try:
        out, error = process.communicate(base64.b64decode(order["given"]), timeout=order["limit_s"])
        code = process.returncode
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, error = process.communicate()
        code = None
    texts = {"out": _text(out), "error": _text(error)}
    return {"t": "ran", "id": order["id"], "code": code, **texts}


def _text(data: bytes) -> str:
    return data[:OUTPUT_MAX].decode("utf-8", "replace")
