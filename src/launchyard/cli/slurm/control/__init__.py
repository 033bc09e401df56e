"""What scontrol does beside showing: one file a subject, each with `run(words, flags) -> int`."""
