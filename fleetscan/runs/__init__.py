"""A run on disk: its directory, lock, journal and rows, and the one reader of them.

Knows nothing of scanning or settings. Everything that writes or reads a run uses this room.
"""
