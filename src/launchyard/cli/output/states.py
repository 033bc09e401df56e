"""How a job's state looks: a glyph, a word and a colour, never the colour alone."""

from launchyard.cli.output.screen import ACCENT, BAD, GOOD, MUTED, STRONG, can_show

_LOOKS = {
    "PENDING": ("○", "pending", MUTED),
    "STARTING": ("◔", "starting", ACCENT),
    "RUNNING": ("●", "running", ACCENT),
    "SUSPENDED": ("◔", "suspended", ACCENT),
    "COMPLETING": ("●", "ending", ACCENT),
    "COMPLETED": ("✓", "completed", GOOD),
    "FAILED": ("✕", "failed", BAD),
    "TIMEOUT": ("✕", "timeout", BAD),
    "OUT_OF_MEMORY": ("✕", "memory", BAD),
    "DEADLINE": ("✕", "deadline", BAD),
    "CANCELLED": ("⊘", "cancelled", MUTED),
    "NODE_FAIL": ("!", "node fail", STRONG),
    "PREEMPTED": ("!", "preempted", STRONG),
    "LOST": ("!", "lost", STRONG),
}


def state_cell(state: str) -> tuple[str, str]:
    """The text and the colour of a state."""
    glyph, word, colour = _LOOKS.get(state, ("", state.lower(), ""))
    return (f"{glyph} {word}" if glyph and can_show(glyph) else word), colour


def state_word(state: str) -> str:
    return _LOOKS.get(state, ("", state.lower(), ""))[1]
