"""What the build of `web/` left: files by their address, each with its type and its compressed twin."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
PLACES = "places.json"
"""Which files the page at an address needs, beside those that every page names."""
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
    ours = (INDEX, PLACES)
    return {
        f"/{path.relative_to(directory).as_posix()}": _built(path, directory)
        for path in sorted(directory.rglob("*"))
        if path.suffix in TYPES and path.name not in ours and path.is_file()
    }


def _built(path: Path, directory: Path) -> BuiltFile:
    twin = path.with_name(f"{path.name}.gz")
    return BuiltFile(
        path=path,
        media_type=TYPES[path.suffix],
        compressed=twin if twin.is_file() else None,
        hashed=path.parent == directory / "assets",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """An address such as `/jobs/$job`, by its words; `links` have a browser fetch at once what is there."""

    words: tuple[str, ...]
    links: str

    def is_at(self, words: Sequence[str]) -> bool:
        """A word that begins with `$` is any word, and one that is nothing else all the rest."""
        if self.words[-1:] == ("$",):
            fixed = self.words[:-1]
            return len(words) > len(fixed) and _fit(fixed, words[: len(fixed)])
        return len(words) == len(self.words) and _fit(self.words, words)


def places(directory: Path) -> Sequence[Place]:
    """What the build says of its pages; the first that fits an address is meant."""
    path = directory / PLACES
    told: Mapping[str, Sequence[str]] = json.loads(path.read_text()) if path.is_file() else {}
    return [Place(words_of(place), "".join(map(_link, files))) for place, files in told.items()]


def words_of(path: str) -> tuple[str, ...]:
    """`/jobs/17` is `jobs`, `17`."""
    return tuple(word for word in path.split("/") if word)


def _fit(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return all(one.startswith("$") or one == word for one, word in zip(wanted, words, strict=True))


def _link(file: str) -> str:
    # The base address is none of a page's business: the names are from the root.
    if file.endswith(".css"):
        return f'<link rel="stylesheet" href="/{file}">'
    return f'<link rel="modulepreload" crossorigin href="/{file}">'
