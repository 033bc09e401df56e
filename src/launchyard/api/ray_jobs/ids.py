"""Submission ids for those who name none."""

import secrets

ALPHABET = "".join(
    c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" if c not in "IloO0"
)


def new_id() -> str:
    """`raysubmit_` and 16 letters and digits that nobody takes for another; about 93 random bits."""
    return "raysubmit_" + "".join(secrets.choice(ALPHABET) for _ in range(16))
