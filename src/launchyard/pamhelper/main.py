"""Checks passwords by PAM, for a daemon that is not root and must not wait: `python -I -S main.py SERVICE`.

Started before the daemon gives up root's rights; standard input is a socket to it. A request is one datagram
of JSON, `{"id", "user", "password", "from"}`, and so is its answer, `{"id", "is", "user"}`. Each is dealt
with in a fork, so that a module of PAM that hangs, or crashes, or keeps a password in memory, ends with it.
Nothing is logged here, and a password is in no argument and no variable. `is` is `ok`, `wrong`, `barred` (the
password is right, the account may not log in) or `fault`.

Root and system users are refused: their password is not even looked at, so that time tells nothing of it.
"""

import ctypes
import ctypes.util
import json
import os
import pwd
import resource
import signal
import socket
import sys

UID_MIN = 1000
REQUEST_MAX_BYTES = 16 * 1024
TRY_MAX_S = 30
NOBODY = "launchyard-no-such-user"

PAM_SUCCESS, PAM_BUF_ERR, PAM_CONV_ERR = 0, 5, 19
PAM_AUTH_ERRORS = frozenset({6, 7, 8, 10, 11})  # permission, authentication, credentials, unknown, too many
PAM_TTY, PAM_USER, PAM_RHOST = 3, 2, 4
PAM_SILENT, PAM_DISALLOW_NULL_AUTHTOK = 0x8000, 1
PROMPT_ECHO_OFF, PROMPT_ECHO_ON = 1, 2
PR_SET_DUMPABLE = 4


class Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class Response(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


Messages = ctypes.POINTER(ctypes.POINTER(Message))
Responses = ctypes.POINTER(ctypes.POINTER(Response))
Converse = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, Messages, Responses, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = (("converse", Converse), ("data", ctypes.c_void_p))


def main() -> int:
    """Until the daemon is gone."""
    service = sys.argv[1]
    wire = socket.socket(fileno=0)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    pam = Pam(ctypes.CDLL(ctypes.util.find_library("pam") or "libpam.so.0"), libc)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for one in (signal.SIGINT, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    while request := wire.recv(REQUEST_MAX_BYTES):
        _take(wire, pam, service, request)
    return 0


def _take(wire: socket.socket, pam: "Pam", service: str, request: bytes) -> None:
    """Nobody starts us again: where there is no process to be had now, this one try fails."""
    try:
        child = os.fork() == 0
    except OSError:
        wire.send(json.dumps({"id": json.loads(request)["id"], "is": "fault", "user": ""}).encode())
        return
    if child:
        _answer(wire, pam, service, request)


def _answer(wire: socket.socket, pam: "Pam", service: str, request: bytes) -> None:
    """In the fork: one try, one answer, and the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.alarm(TRY_MAX_S)
    number = -1
    try:
        asked = json.loads(request)
        number = int(asked["id"])
        found, user = _checked(pam, service, str(asked["user"]), str(asked["password"]), str(asked["from"]))
        wire.send(json.dumps({"id": number, "is": found, "user": user}).encode())
    except BaseException:
        wire.send(json.dumps({"id": number, "is": "fault", "user": ""}).encode())
    finally:
        os._exit(0)


def _checked(pam: "Pam", service: str, user: str, password: str, address: str) -> tuple[str, str]:
    allowed = _may_log_in(user)
    found, name = pam.check(service, user if allowed else NOBODY, password, address)
    if found != "ok":
        return found, ""
    # A module may have made another user of it.
    return ("ok", name) if allowed and _may_log_in(name) else ("wrong", "")


def _may_log_in(user: str) -> bool:
    """Whether somebody of this name can be let in at all."""
    try:
        return pwd.getpwnam(user).pw_uid >= _least_uid()
    except (KeyError, ValueError):
        return False


def _least_uid() -> int:
    """Of a server that serves everybody system users are none; of one user's, PAM lets in that one alone."""
    return UID_MIN if os.geteuid() == 0 else max(1, min(UID_MIN, os.geteuid()))


class Pam:
    """libpam, as far as a password goes."""

    def __init__(self, libpam: ctypes.CDLL, libc: ctypes.CDLL) -> None:
        self._pam, self._libc = libpam, libc
        libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
        libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
        libc.strdup.argtypes = (ctypes.c_char_p,)
        handle = ctypes.c_void_p
        libpam.pam_start.argtypes = (
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(Conversation),
            ctypes.POINTER(handle),
        )
        libpam.pam_set_item.argtypes = (handle, ctypes.c_int, ctypes.c_char_p)
        libpam.pam_get_item.argtypes = (handle, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p))
        libpam.pam_authenticate.argtypes = (handle, ctypes.c_int)
        libpam.pam_acct_mgmt.argtypes = (handle, ctypes.c_int)
        libpam.pam_end.argtypes = (handle, ctypes.c_int)

    def check(self, service: str, user: str, password: str, address: str) -> tuple[str, str]:
        """What became of it, and as whom PAM knows the user then."""
        if "\0" in user + password + address:
            return "wrong", ""
        handle = ctypes.c_void_p()
        conversation = Conversation(self._conversing(user, password), None)
        begun = self._pam.pam_start(service.encode(), user.encode(), conversation, ctypes.byref(handle))
        if begun != PAM_SUCCESS:
            return "fault", ""
        status = PAM_SUCCESS
        try:
            self._pam.pam_set_item(handle, PAM_RHOST, address.encode())
            self._pam.pam_set_item(handle, PAM_TTY, b"launchyard")
            flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK
            status = self._pam.pam_authenticate(handle, flags)
            if status != PAM_SUCCESS:
                return ("wrong" if status in PAM_AUTH_ERRORS else "fault"), ""
            status = self._pam.pam_acct_mgmt(handle, flags)
            if status != PAM_SUCCESS:
                return "barred", ""
            name = ctypes.c_char_p()
            status = self._pam.pam_get_item(handle, PAM_USER, ctypes.byref(name))
            return ("ok", (name.value or b"").decode()) if status == PAM_SUCCESS else ("fault", "")
        finally:
            self._pam.pam_end(handle, status)

    def _conversing(self, user: str, password: str) -> "ctypes._FuncPointer":
        """Answers the first question that is not echoed with the password, and a further one not at all.

        PAM frees the answers, so they are of the C library's making.
        """
        left = [password.encode()]

        def answer(style: int) -> bytes | None:
            if style == PROMPT_ECHO_OFF:
                return left.pop() if left else None
            return user.encode() if style == PROMPT_ECHO_ON else b""

        def converse(
            count: int,
            messages: "ctypes._Pointer[ctypes._Pointer[Message]]",
            responses: "ctypes._Pointer[ctypes._Pointer[Response]]",
            _: object,
        ) -> int:
            made = self._libc.calloc(count, ctypes.sizeof(Response))
            if not made:
                return PAM_BUF_ERR
            answers = ctypes.cast(made, ctypes.POINTER(Response))
            for number in range(count):
                text = answer(messages[number].contents.style)
                if text is None:
                    return PAM_CONV_ERR
                answers[number].text = self._libc.strdup(text)
            responses[0] = answers
            return PAM_SUCCESS

        # Held by the caller's structure as long as PAM may ask.
        return Converse(converse)


if __name__ == "__main__":
    sys.exit(main())
