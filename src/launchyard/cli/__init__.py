"""The `ly` command. `main` holds the table of commands; each is one file in `native/`; `output/` prints."""
