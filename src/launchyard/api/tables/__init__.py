"""Tables by column: what programs read that show thousands of rows and need a few facts of each."""
