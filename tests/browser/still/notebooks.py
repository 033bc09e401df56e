"""Two notebooks of a session, one of them with changes that are not saved and a package of its own."""

import json
from typing import Any

from launchyard.engine.notebooks import Notebooks, SessionPlace
from launchyard.launcher.messages import Message
from launchyard.model.job import Job
from tests.browser.still.moment import DAY, HOME, MINUTE, NOW

_CELLS = [
    {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": 'rate = 0.1\ndata = "data"\n'},
    {"cell_type": "code", "metadata": {}, "source": "import pandas\n"},
]
_TEXT = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [{"execution_count": None, "outputs": [], **cell} for cell in _CELLS],
    }
)
_PANDAS = {"name": "pandas", "version": "2.3.1", "asked": True, "own": True, "url": None, "editable": False}
_KERNEL = {
    **{"name": "python3", "title": "Python 3", "language": "python", "python": None, "own": True},
    **{"spec": {"argv": ["python"]}, "known": ["python3"]},
}


class StillNotebooks(Notebooks):
    """Always these two."""

    def __init__(self) -> None:
        """Nobody is asked."""

    def environment(self, job: Job) -> str:
        return f"/var/lib/launchyard/environments/{job.id}"

    async def listed(self, job: Job, place: SessionPlace) -> Message:
        both = [_facts("analysis", 2 * MINUTE, unsaved=True), _facts("figures", 3 * DAY)]
        return {"whole": True, "silent": None, "notebooks": both}

    async def one(self, job: Job, place: SessionPlace, path: str) -> Message:
        told = _facts("analysis", 2 * MINUTE, unsaved=True)
        return {
            **told,
            "text": _TEXT,
            "missing": [],
            "unread": None,
            "kernel": _KERNEL,
            "packages": [_PANDAS],
        }


def _facts(name: str, ago_s: float, *, unsaved: bool = False) -> dict[str, Any]:
    return {
        "path": f"{HOME}/{name}.ipynb",
        "modified_at": NOW - ago_s,
        "size": 48_213,
        "made": False,
        "open": unsaved,
        "asked": True,
        "kernel_state": "idle" if unsaved else None,
        "page": {"unsaved": True, "at": NOW - MINUTE} if unsaved else None,
        "ran_since": False,
        "active_at": NOW - MINUTE,
    }
