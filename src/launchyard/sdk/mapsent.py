"""`launchyard.map` on a server that sees no directory of ours: a package goes there, logs bring results back.

The package is a Python module with the function, the inputs and the program of a task. cloudpickle goes along
where the function was sent by it, for a task's Python may not have it; one that is there goes first.
"""

import base64
import pickle
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from launchyard.sdk import maptask

MODULE = "launchyard_map"


@contextmanager
def as_package(written: Path) -> Iterator[Path]:
    """What was written for tasks, as the directory of a module; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ly-map-") as parent:
        made = Path(parent) / MODULE
        shutil.copytree(written, made, ignore=shutil.ignore_patterns("out", "task.py", "paths.json"))
        # Where modules are here says nothing of where they are there.
        (made / "paths.json").write_text("[]")
        (made / "__init__.py").touch()
        shutil.copyfile(maptask.__file__, made / "__main__.py")
        pickler = sys.modules.get("cloudpickle")
        if pickler is not None and pickler.__file__ is not None:
            vendored = made / maptask.VENDORED / "cloudpickle"
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(pickler.__file__).parent, vendored, ignore=ignored)
        yield made


def outcomes_in(log: bytes) -> list[Any] | None:
    """What a task left in its log; None: nothing."""
    begin = log.rfind(f"\n{maptask.BEGIN}\n".encode())
    end = log.find(maptask.END.encode(), begin)
    if begin < 0 or end < 0:
        return None
    text = log[begin + len(maptask.BEGIN) + 2 : end]
    # Written by the user's own job.
    return cast(list[Any], pickle.loads(zlib.decompress(base64.decodebytes(text))))  # noqa: S301
