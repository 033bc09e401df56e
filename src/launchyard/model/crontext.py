"""The text of a crontab, apart from its jobs."""


def commented(text: str, first: int, last: int, word: str) -> str:
    """The text with the lines from `first` to `last` (from 1) as comments that begin with `word`."""
    return "\n".join(
        f"#{word}: {line}" if first <= number <= last and not line.startswith(f"#{word}:") else line
        for number, line in enumerate(text.split("\n"), start=1)
    )
