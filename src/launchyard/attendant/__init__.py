"""What a session's job executes: it starts the app, asks it until it answers, and tells the server."""
