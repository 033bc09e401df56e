"""Everything that `ly` shows: tables, sentences and JSON. Nothing else in the command line prints."""
