"""What the build of `web/` left: files by their address, each with its type and its compressed twin."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltFile:
    """`hashed`: its name changes with its content, so a browser may keep it for ever."""

    path: Path
    media_type: str
    compressed: Path | None
    hashed: bool


def built_files(directory: Path) -> Mapping[str, BuiltFile]:
    """By address, such as `/assets/main-3f2a.js`; without the page itself. Empty where nothing was built."""
    if not directory.is_dir():
        return {}
    return {
        f"/{path.relative_to(directory).as_posix()}": _built(path, directory)
        for path in sorted(directory.rglob("*"))
        if path.suffix in TYPES and path.name != INDEX and path.is_file()
    }


def _built(path: Path, directory: Path) -> BuiltFile:
    twin = path.with_name(f"{path.name}.gz")
    return BuiltFile(
        path=path,
        media_type=TYPES[path.suffix],
        compressed=twin if twin.is_file() else None,
        hashed=path.parent == directory / "assets",
    )
