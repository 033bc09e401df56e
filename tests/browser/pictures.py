"""Pictures of pages beside those that were accepted: `LAUNCHYARD_ACCEPT=1` takes what is there as accepted.

An accepted picture is kept in at most 256 colours, for room, with a mark of what it was taken of: one with
the same mark is the same. Only where marks differ (another browser smooths letters otherwise, or something
has changed) pixels are compared.
"""

import base64
import hashlib
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from tests.tidy.source import ROOT

ACCEPTED = ROOT / "docs" / "pictures"
ACCEPTING = os.environ.get("LAUNCHYARD_ACCEPT") == "1"
DIFFERENT_MAX = 0.001
"""The share of pixels that may be other ones: letters are smoothed a little otherwise by another browser."""
SETTLES_S = 30.0
"""So long a page may take until it looks as accepted."""
PAUSE_MS = 120
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MARK = b"Taken\0"
_PIXELS = """const pixels = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(0, 0, image.width, image.height);
};"""
COMPARE = f"""async ([one, other]) => {{
    {_PIXELS}
    const [a, b] = [await pixels(one), await pixels(other)];
    if (a.width !== b.width || a.height !== b.height) return 1;
    let different = 0;
    for (let at = 0; at < a.data.length; at += 4) {{
        const far = [0, 1, 2].some((channel) => Math.abs(a.data[at + channel] - b.data[at + channel]) > 48);
        if (far) different += 1;
    }}
    return different / (a.width * a.height);
}}"""
REDUCE = f"""async (text) => {{
    {_PIXELS}
    const image = await pixels(text);
    const colours = new Uint32Array(image.data.buffer);
    const counts = new Map();
    for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
    const often = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const kept = often.slice(0, 256).map(([colour]) => colour);
    const channels = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
    const palette = kept.map(channels);
    const place = new Map(kept.map((colour, index) => [colour, index]));
    for (const colour of counts.keys()) {{
        if (place.has(colour)) continue;
        const [red, green, blue] = channels(colour);
        const far = palette.map(([r, g, b]) => (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2);
        place.set(colour, far.indexOf(Math.min(...far)));
    }}
    let indexes = "";
    for (const colour of colours) indexes += String.fromCharCode(place.get(colour));
    return [image.width, image.height, palette.flat(), btoa(indexes)];
}}"""


def difference(page: Page, browser: Browser, name: str, beside: Path, hidden: list[Locator]) -> str | None:
    """None: it looks as in `docs/pictures/NAME.png`; else what to say, and how it looks is in `beside`."""
    accepted = ACCEPTED / f"{name}.png"
    if ACCEPTING:
        taken = _settled(page, hidden)
        if not (accepted.exists() and _mark_in(accepted.read_bytes()) == _mark_of(taken)):
            ACCEPTED.mkdir(parents=True, exist_ok=True)
            accepted.write_bytes(_reduced(browser, taken))
        return None
    if not accepted.exists():
        return "nothing was accepted yet"
    wanted, until = accepted.read_bytes(), time.monotonic() + SETTLES_S
    while True:
        taken = _taken(page, hidden)
        different = 0.0 if _mark_of(taken) == _mark_in(wanted) else _different(browser, wanted, taken)
        if different <= DIFFERENT_MAX:
            return None
        if time.monotonic() > until:
            break
        page.wait_for_timeout(PAUSE_MS)
    here, where = beside / accepted.name, accepted.relative_to(ROOT)
    here.write_bytes(taken)
    return f"{different:.2%} of the pixels differ from {where}; now it looks like {here}"


def _different(browser: Browser, one: bytes, other: bytes) -> float:
    return float(_asked(browser, COMPARE, [base64.b64encode(png).decode() for png in (one, other)]))


def _settled(page: Page, hidden: list[Locator]) -> bytes:
    """Once nothing has moved for a while."""
    page.wait_for_timeout(2 * PAUSE_MS)
    before, until = _taken(page, hidden), time.monotonic() + SETTLES_S
    while time.monotonic() < until:
        page.wait_for_timeout(PAUSE_MS)
        now = _taken(page, hidden)
        if now == before:
            break
        before = now
    return before


def _taken(page: Page, hidden: list[Locator]) -> bytes:
    return page.screenshot(mask=hidden, mask_color="#808080", animations="disabled", caret="hide")


def _mark_of(png: bytes) -> bytes:
    """Of the picture itself, however it is packed."""
    chunks = list(_chunks(png))
    rows = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    return hashlib.sha256(chunks[0][1] + rows).hexdigest().encode()


def _mark_in(png: bytes) -> bytes | None:
    """What an accepted picture says that it was taken of."""
    texts = (body for kind, body in _chunks(png) if kind == b"tEXt" and body.startswith(MARK))
    return next((body.removeprefix(MARK) for body in texts), None)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _reduced(browser: Browser, png: bytes) -> bytes:
    """The same in its 256 most frequent colours; others are drawn in the nearest of them."""
    width, height, palette, text = _asked(browser, REDUCE, base64.b64encode(png).decode())
    indexes = base64.b64decode(text)
    rows = b"".join(b"\0" + indexes[at : at + width] for at in range(0, width * height, width))
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(palette)),
            _chunk(b"tEXt", MARK + _mark_of(png)),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _asked(browser: Browser, question: str, about: object) -> Any:
    page = browser.new_page()
    try:
        return page.evaluate(question, about)
    finally:
        page.close()
