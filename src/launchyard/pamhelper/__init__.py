"""Checks passwords by PAM, in a process of its own."""
