"""Pictures of pages beside those that were accepted: `LAUNCHYARD_ACCEPT=1` takes what is there as accepted.

What depends on the moment is covered by one colour before. The browser itself compares them.
"""

import base64
import os
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.tidy.source import ROOT

ACCEPTED = ROOT / "docs" / "pictures"
ACCEPTING = os.environ.get("LAUNCHYARD_ACCEPT") == "1"
DIFFERENT_MAX = 0.005
"""The share of pixels that may be other ones: letters are smoothed a little otherwise on another machine."""
MOMENTARY = ", ".join(
    f"main {one}" for one in ("time", "[class*=_time_]", "[class*=_when_]", "[class*=_bar_]")
)
COMPARE = """async ([one, other]) => {
    const pixels = async (text) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], {type: "image/png"}));
        const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
        canvas.drawImage(image, 0, 0);
        return canvas.getImageData(0, 0, image.width, image.height);
    };
    const [a, b] = [await pixels(one), await pixels(other)];
    if (a.width !== b.width || a.height !== b.height) return 1;
    let different = 0;
    for (let at = 0; at < a.data.length; at += 4) {
        const far = [0, 1, 2].some((channel) => Math.abs(a.data[at + channel] - b.data[at + channel]) > 48);
        if (far) different += 1;
    }
    return different / (a.width * a.height);
}"""


def assert_as_accepted(page: Page, browser: Browser, name: str, beside: Path) -> None:
    """The page looks as in `docs/pictures/NAME.png`; else what it looks like is left in `beside`."""
    hidden = [page.locator(MOMENTARY)]
    taken = page.screenshot(mask=hidden, mask_color="#808080", animations="disabled", caret="hide")
    accepted = ACCEPTED / f"{name}.png"
    if ACCEPTING:
        ACCEPTED.mkdir(parents=True, exist_ok=True)
        accepted.write_bytes(taken)
        return
    (beside / f"{name}.png").write_bytes(taken)
    different = _different(browser, accepted.read_bytes(), taken)
    assert different <= DIFFERENT_MAX, (
        f"{name}: {different:.1%} of the pixels differ from {accepted.relative_to(ROOT)}; "
        f"now it looks like {beside / name}.png"
    )


def _different(browser: Browser, one: bytes, other: bytes) -> float:
    page = browser.new_page()
    try:
        texts = [base64.b64encode(data).decode() for data in (one, other)]
        return float(page.evaluate(COMPARE, texts))
    finally:
        page.close()
