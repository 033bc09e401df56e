"""What of a slurm.conf was left out or came over changed, for people to read."""

from launchyard.model.light import NamedTuple
from launchyard.slurm.conf import Place, Record


class Note(NamedTuple):
    """`name` is the parameter as it was written."""

    place: Place
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}: {self.name}: {self.why}"


class Notes:
    """Gathered while a conf is turned into tables."""

    def __init__(self) -> None:
        self.found: list[Note] = []

    def add(self, place: Place, name: str, why: str) -> None:
        self.found.append(Note(place, name, why))

    def of(self, record: Record, key: str, why: str) -> None:
        """Of one value of a record; a value that came from a DEFAULT line counts there."""
        self.add(record.place, f"{record.kind}={record.name} {record.written.get(key, key)}", why)

    def sorted(self) -> list[Note]:
        """By place, each once."""
        return sorted(set(self.found), key=lambda note: (note.place.file, note.place.line, note.name))
