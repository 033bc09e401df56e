"""Logging in by user name and password, checked by PAM."""

from launchyard.api.login.links import Grant
from launchyard.controller.users import Users
from launchyard.engine.passwords import Passwords, Verdict
from launchyard.model.errors import Forbidden, Unauthenticated, Unavailable
from launchyard.wire.login import LogIn

UID_MIN = 1000
LENGTH_MAX = 256


class ByPassword:
    """A wrong name and a wrong password are one sentence; more is told to who knows the password."""

    guessable = True

    def __init__(self, passwords: Passwords, users: Users, owner_uid: int | None) -> None:
        self._passwords, self._users, self._owner_uid = passwords, users, owner_uid

    def subject(self, form: LogIn) -> str:
        return form.user

    async def prove(self, form: LogIn, now: float, address: str) -> Grant:
        if not form.user or len(form.user) > LENGTH_MAX or len(form.password) > LENGTH_MAX:
            raise _wrong()
        checked = await self._passwords.check(form.user, form.password, address)
        if checked.verdict is Verdict.FAULT:
            raise Unavailable("passwords cannot be checked now; log in by a link: ly open")
        if checked.verdict is Verdict.BARRED:
            raise Forbidden(
                "this account may not log in now: it or its password has expired, or the machine is closed; "
                "log in to the machine itself, or ask its administrators",
                code="account",
            )
        if checked.verdict is not Verdict.OK:
            raise _wrong()
        uid = await self._users.uid_of(checked.user)
        if uid is None or (uid != self._owner_uid if self._owner_uid is not None else uid < UID_MIN):
            raise _wrong()
        return Grant(uid=uid, user=checked.user, parent=None, next="/")


def _wrong() -> Unauthenticated:
    return Unauthenticated("user name or password is wrong", code="password")
