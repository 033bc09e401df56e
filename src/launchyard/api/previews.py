"""What of a file may be shown in a browser, by what is in it and never by its name.

Only a few image formats are ever sent as what they are. HTML, SVG, PDF and all else that can bring programs
along is text to read or a download; the page shows texts as texts.
"""

from typing import NamedTuple

PREVIEW_BYTES = 256 * 1024
EDIT_MAX_BYTES = 2 * 1024 * 1024

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)

SAFE_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
}
"""With every byte of a user's file: where a browser opens it after all, nothing in it runs."""


class Preview(NamedTuple):
    """`kind`: text, image or binary."""

    kind: str
    media_type: str | None = None
    text: str | None = None


def preview_of(beginning: bytes, *, whole: bool) -> Preview:
    """What the beginning of a file shows; `whole`: it is all of it."""
    media_type = image_type(beginning)
    if media_type is not None:
        return Preview("image", media_type)
    text = _text_of(beginning, whole=whole)
    return Preview("binary") if text is None else Preview("text", "text/plain", text)


def image_type(beginning: bytes) -> str | None:
    """The media type of a picture that no program can hide in."""
    for magic, at, media_type in _MAGIC:
        if beginning[at : at + len(magic)] == magic:
            return media_type
    return None


def attachment(name: str) -> str:
    """The Content-Disposition of a download; the name cannot break out of its header."""
    ascii_name = "".join(c if c.isascii() and (c.isalnum() or c in "._- ()") else "_" for c in name)
    encoded = "".join(
        chr(byte) if (byte < 128 and chr(byte).isalnum()) or byte in b"._-" else f"%{byte:02X}"
        for byte in name.encode("utf-8", "replace")
    )
    return f"attachment; filename=\"{ascii_name[:200] or 'download'}\"; filename*=UTF-8''{encoded[:600]}"


def _text_of(beginning: bytes, *, whole: bool) -> str | None:
    """UTF-8 without NUL; a letter that is cut at the end is left out."""
    if b"\0" in beginning:
        return None
    for cut in range(1 if whole else 4):
        try:
            return beginning[: len(beginning) - cut].decode()
        except UnicodeDecodeError:
            continue
    return None
