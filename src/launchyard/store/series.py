"""Series of usage on the disk: one small file a launch, the oldest removed beyond a bound.

They are pictures for people and no truth about jobs: what cannot be written or read is done without.
"""

import re
import threading
from pathlib import Path

import msgspec

from launchyard.model.series import Series

FILES_MAX = 10_000
"""At some kilobytes each."""
SPARE = 500
"""So many more there may be before the oldest are removed."""

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Series)
_SAFE = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


class SeriesFiles:
    """May be used from any thread."""

    def __init__(self, directory: Path, files_max: int = FILES_MAX) -> None:
        self._directory = directory
        self._files_max = files_max
        self._count: int | None = None
        self._lock = threading.Lock()

    def put(self, series: Series) -> None:
        """Keep it in the place of what there was of this launch. Raises `OSError`."""
        path = self._path(series.launch_id)
        if path is None:
            return
        with self._lock:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            new = not path.exists()
            draft = path.with_suffix(".new")
            draft.write_bytes(_encode(series))
            draft.replace(path)
            if new:
                self._count = self._counted() + 1
                if self._count > self._files_max + SPARE:
                    self._remove_oldest()

    def get(self, launch_id: str) -> Series | None:
        """None where nothing is kept of it."""
        path = self._path(launch_id)
        try:
            return None if path is None else _decoder.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            return None

    def _path(self, launch_id: str) -> Path | None:
        return self._directory / f"{launch_id}.json" if _SAFE.fullmatch(launch_id) else None

    def _counted(self) -> int:
        """Counted once; then kept count of."""
        if self._count is None:
            self._count = sum(1 for _ in self._directory.glob("*.json")) - 1
        return self._count

    def _remove_oldest(self) -> None:
        aged = sorted((path.stat().st_mtime, path) for path in self._directory.iterdir())
        for _, path in aged[: max(0, len(aged) - self._files_max)]:
            path.unlink()
        self._count = min(len(aged), self._files_max)
