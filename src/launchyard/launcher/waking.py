"""How a signal wakes a loop: the interpreter writes a byte to a socket that the loop polls."""

import contextlib
import signal
import socket


def wake_on_signals() -> socket.socket:
    """The end to poll; what arrives says no more than that there is something to see."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    signal.set_wakeup_fd(theirs.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return ours


def drain(wake: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        wake.recv(4096)
