"""The reverse proxy to sessions: what is carried and what is left out (pure), HTTP, WebSocket.

It knows no user and no session, only a `Way`; who may go it is decided above.
"""
