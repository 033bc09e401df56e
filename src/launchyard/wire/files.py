"""What is asked and said of files. Paths are absolute, or begin with `~`."""

from dataclasses import dataclass
from typing import Any, Literal

ConflictRule = Literal["fail", "keep", "replace", "skip"]
"""When the name is taken: refuse, keep both (`name (1).txt`), replace, or leave it."""
CONFLICT_RULES: tuple[ConflictRule, ...] = ("fail", "keep", "replace", "skip")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderListing:
    """`GET /v1/files`: rows of `columns`, in no order. `complete` false: there is more than is listed.

    Kinds are `d` folder, `f` file, `l` link (`target` is what it leads to), `o` something else. Size and time
    are null where looking took too long; `unusable`: the name is not UTF-8.
    """

    path: str
    roots: list[str]
    parent: str | None
    writable: bool
    free_bytes: int
    complete: bool
    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtFiles:
    """The body of `POST /v1/files/details`: names in the folder `path` that a listing had no time for."""

    path: str
    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """Rows as of a listing."""

    rows: list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """`GET /v1/files/about`. `version` changes with the content; `real` is the path without links."""

    path: str
    kind: str
    size: int
    modified_at: float
    mode: int
    version: str
    writable: bool
    free_bytes: int
    real: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreview:
    """`GET /v1/files/preview`: `kind` is text, image or binary; `text` is the beginning of a text."""

    path: str
    kind: str
    media_type: str | None
    text: str | None
    truncated: bool
    editable: bool
    size: int
    modified_at: float
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveText:
    """The body of `PUT /v1/files/text`; `version` is that of the text that was edited, null: a new file."""

    path: str
    text: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedText:
    """What it is now."""

    path: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeFolder:
    """The body of `POST /v1/files/folders`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFile:
    """The body of `POST /v1/files/move`: renames, also into another folder."""

    path: str
    to: str
    conflict: ConflictRule = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFile:
    """Where it is now; `skipped`: the name was taken, and it was left."""

    path: str
    skipped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFiles:
    """The body of `POST /v1/files/delete`: files, and folders with all that is in them."""

    paths: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDeleted:
    """One that is still there, and why."""

    path: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedFiles:
    """What is gone, and what is not."""

    removed: list[str]
    failed: list[NotDeleted]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileThere:
    """What has the name already."""

    size: int
    modified_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """How much of an upload is here, and what has its name already."""

    received: int
    there: FileThere | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReceived:
    """How much is here now; once `complete`, under which path."""

    received: int
    complete: bool
    path: str
    skipped: bool = False
