"""Starts, as this user, the process that carries a way into one of the user's running jobs on another node.

It outlives this helper and ends with the daemon's hold on it; see `agent.outside`.
"""

import socket
import subprocess
import threading

from launchyard.launcher.messages import package_argv


def way() -> socket.socket:
    """The daemon's end of its socket. Raises `OSError`."""
    ours, theirs = socket.socketpair()
    there = theirs.fileno()
    python, *options, code = package_argv("launchyard.agent.outside")
    with theirs:
        process = subprocess.Popen(
            [python, *options, f"import os; os.dup2({there}, 3); {code}"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(there,),
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()
    return ours
