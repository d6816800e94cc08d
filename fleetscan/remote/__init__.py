"""Runs in object storage: uploaded in parts while they are written, read again, and held by a lease."""
