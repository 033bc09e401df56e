"""A server whose time stands still: the real application over seeded jobs, so that pages are always alike."""
