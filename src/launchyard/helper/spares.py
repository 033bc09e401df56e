"""Copies of trees that ended jobs have left as they got them, for the next job that needs the same.

To make thousands of files takes longer than to see that nobody has changed them. Size, mtime and ctime of
each tell that, and no program can set a ctime; what a job has added is removed, and a copy in which anything
else is different is not used again.
"""

import contextlib
import json
import os
import secrets

from launchyard.helper.copies import Facts, copy_tree, facts_of, remove_tree

SPARES_MAX = 4
ADDED_MAX = 2_000
NOTE = "copy.json"
"""In a job's directory: of which tree its files are a copy, and what they were."""


class Spares:
    """Those of one user, below a directory of their own."""

    def __init__(self, path: str) -> None:
        self._path = path
        os.makedirs(path, mode=0o700, exist_ok=True)

    def furnish(self, tree: str, folder: str, name: str) -> None:
        """Put a copy of `tree` into a job's directory, a spare one where there is any."""
        key, target = os.path.basename(tree), os.path.join(folder, name)
        facts = self._take(key, target)
        if facts is None:
            copy_tree(tree, target)
            facts = facts_of(target)[0]
        with open(os.path.join(folder, NOTE), "w") as file:
            json.dump({"key": key, "name": name, "files": facts}, file)

    def retire(self, folder: str) -> None:
        """Keep the copy of a job that has ended, if it is as the job got it."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            with open(os.path.join(folder, NOTE)) as file:
                note = json.load(file)
            copy = os.path.join(folder, note["name"])
            if _restored(copy, note["files"]):
                spare = os.path.join(self._path, f"{note['key']}~{secrets.token_hex(8)}")
                with open(f"{spare}.json", "w") as file:
                    json.dump(note["files"], file)
                os.rename(copy, spare)
        self.trim(SPARES_MAX)

    def trim(self, count_max: int) -> None:
        """Keep the latest ones only."""
        names = [name.removesuffix(".json") for name in os.listdir(self._path) if name.endswith(".json")]
        aged = sorted(names, key=self._made_at, reverse=True)
        for name in aged[count_max:]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._path, f"{name}.json"))
            remove_tree(os.path.join(self._path, name))

    # -- inside

    def _take(self, key: str, target: str) -> Facts | None:
        """Whoever renames it has it."""
        for name in os.listdir(self._path):
            if not name.startswith(f"{key}~") or name.endswith(".json"):
                continue
            spare = os.path.join(self._path, name)
            with contextlib.suppress(OSError, ValueError):
                os.rename(spare, target)
                with open(f"{spare}.json") as file:
                    facts: Facts = json.load(file)
                os.unlink(f"{spare}.json")
                if facts_of(target)[0] == facts:
                    return facts
            remove_tree(target)
        return None

    def _made_at(self, name: str) -> float:
        with contextlib.suppress(OSError):
            return os.stat(os.path.join(self._path, f"{name}.json")).st_mtime
        return 0.0


def _restored(copy: str, known: Facts) -> bool:
    """Remove what was added; whether the rest is what it was."""
    now = facts_of(copy)[0]
    if any(now.get(name) != facts for name, facts in known.items()):
        return False
    added = sorted(now.keys() - known.keys())
    if len(added) > ADDED_MAX:
        return False
    for name in added:
        path = os.path.join(copy, name)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)
    return facts_of(copy)[0] == known
