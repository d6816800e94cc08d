"""Scans on a real Dask cluster of several processes, whose workers are killed; `python -m tests.cluster`."""
