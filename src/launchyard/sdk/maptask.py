"""One task of `launchyard.map`: calls the function with its inputs and leaves what came of it in a file.

It is copied beside the inputs and run there by whatever Python the job has, so it needs nothing but that
Python (3.8 or newer), and what the function itself needs. Where it was sent to a server that shares no
directory with the caller, it is the main program of a package, and what came of it goes into the job's log.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import struct
import sys
import traceback
import zlib
from collections.abc import Iterator
from typing import Any

OFFSET = struct.Struct("<Q")
VENDORED = "vendored"
BEGIN, END = "-----BEGIN LAUNCHYARD MAP-----", "-----END LAUNCHYARD MAP-----"


def main(directory: str, task: int, chunk: int, show: int | None = None) -> int:
    """The exit code: 1 when any call raised. `show`: a descriptor for what came of it, else it is a file."""
    with open(os.path.join(directory, "paths.json"), encoding="utf-8") as file:  # noqa: PTH118
        sys.path += [path for path in json.load(file) if path not in sys.path]
    with open(os.path.join(directory, "function.pkl"), "rb") as file:  # noqa: PTH118
        stored = file.read()
    outcomes = [_outcome(stored, one) for one in _inputs(directory, task * chunk, chunk)]
    failed = int(any(outcome[0] != "ok" for outcome in outcomes))
    if show is not None:
        sys.stdout.flush()
        text = base64.encodebytes(zlib.compress(pickle.dumps(outcomes))).decode()
        with open(show, "w") as log:
            log.write(f"\n{BEGIN}\n{text}{END}\n")
        return failed
    path = os.path.join(directory, "out", f"{task}.pkl")  # noqa: PTH118
    with open(path + ".part", "wb") as file:
        pickle.dump(outcomes, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)  # noqa: PTH105
    return failed


def _inputs(directory: str, first: int, count: int) -> Iterator[bytes]:
    """The stored inputs from `first` on, at most `count`."""
    with open(os.path.join(directory, "offsets.bin"), "rb") as file:  # noqa: PTH118
        file.seek(first * OFFSET.size)
        data = file.read((count + 1) * OFFSET.size)
    offsets = [offset for (offset,) in OFFSET.iter_unpack(data)]
    with open(os.path.join(directory, "inputs.bin"), "rb") as file:  # noqa: PTH118
        for begin, end in zip(offsets, offsets[1:]):  # noqa: B905, RUF007 - Python 3.8 has neither
            file.seek(begin)
            yield file.read(end - begin)


def _outcome(stored: bytes, given: bytes) -> tuple[Any, ...]:
    """`("ok", result)` or `("error", exception or None, traceback, sentence)`, both pickled."""
    try:
        function = pickle.loads(stored)  # noqa: S301 - of the job's own user
        return ("ok", _dumps(function(pickle.loads(given))))  # noqa: S301
    except BaseException as error:
        text = traceback.format_exc()
        sys.stderr.write(text)
        try:
            kept = _dumps(error)
        except Exception:
            kept = None
        return ("error", kept, text, "".join(traceback.format_exception_only(type(error), error)).strip())


def _dumps(value: Any) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:
        # Of `__main__` of this task or without a name: only cloudpickle can, where it is.
        if "cloudpickle" not in sys.modules:
            raise
        dumped: bytes = sys.modules["cloudpickle"].dumps(value)
        return dumped


if __name__ == "__main__":
    INDEX = int(os.environ["LAUNCHYARD_ARRAY_INDEX"])
    if len(sys.argv) > 2:
        sys.exit(main(sys.argv[1], INDEX, int(sys.argv[2])))
    HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.append(os.path.join(HERE, VENDORED))  # noqa: PTH118
    sys.exit(main(HERE, INDEX, int(sys.argv[1]), show=os.dup(1)))
