"""What can go wrong, as one sentence each: what is wrong, with the value, and what to do."""


class LaunchyardError(Exception):
    """Base of every error that a person may read; `str(error)` is the sentence shown.

    `status` is the HTTP status it becomes, `code` a stable slug that programs and the Errors pages use.
    """

    status = 500
    code = "error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class Invalid(LaunchyardError):
    """A value that nobody could use: bad syntax, unknown key, wrong type."""

    status = 400
    code = "invalid"


class Unauthenticated(LaunchyardError):
    """No credential, or one that is not known."""

    status = 401
    code = "unauthenticated"


class Forbidden(LaunchyardError):
    """A known caller who may not do this (never used for objects of others: those are `NotFound`)."""

    status = 403
    code = "forbidden"


class NotFound(LaunchyardError):
    """No such object, or not the caller's: the answer is the same."""

    status = 404
    code = "not-found"


class Conflict(LaunchyardError):
    """The object's state does not allow it."""

    status = 409
    code = "conflict"


class Infeasible(LaunchyardError):
    """A request that this cluster can never satisfy (waiting would not help)."""

    status = 422
    code = "infeasible"


class Unavailable(LaunchyardError):
    """Not now; the same request may work in `retry_after_s` seconds."""

    status = 503
    code = "unavailable"
    retry_after_s = 2


class StorageFull(Unavailable):
    """The disk of the state directory is full: nothing can be acknowledged."""

    status = 507
    code = "storage-full"


class IllegalTransition(LaunchyardError):
    """A move that `model.state.TRANSITIONS` does not have; a fault of ours, never of the user."""

    code = "illegal-transition"
