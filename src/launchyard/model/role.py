"""What somebody is to the cluster, and how far a credential reaches."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is. A coordinator is one of certain accounts (`Caller.coordinates`)."""

    USER = "user"
    COORDINATOR = "coordinator"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


class Scope(StrEnum):
    """What a token is for: everything that its user may, submitting, or looking alone."""

    ALL = "all"
    SUBMIT = "submit"
    READ = "read"
