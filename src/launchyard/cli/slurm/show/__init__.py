"""`scontrol show ENTITY`: one file an entity, each with `show(words, flags) -> int`."""
