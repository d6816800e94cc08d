"""Runs in object storage: against obstore's own memory, and a real Azurite."""
