"""The small bodies of the other requests, beside `submit.SubmitJob` and `submit.UpdateJob`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalJob:
    """The body of `POST /v1/jobs/{id}/signal`: a name or a number."""

    signal: str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkNode:
    """The body of `POST /v1/nodes/{name}`: `drain` lets what runs end and starts nothing."""

    state: Literal["drain", "up"]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """The body of `POST /v1/tokens`: what the token is for, in its owner's words."""

    name: str = ""
