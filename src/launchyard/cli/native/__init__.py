"""One file a command. A file is imported only when its command runs, so that `ly` starts fast."""
