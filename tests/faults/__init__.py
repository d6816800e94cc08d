"""Seeded histories of scans that meet every fault, are killed and resumed; `python -m tests.faults`."""
