"""fleetscan as a real process, killed at any moment and resumed; `python -m tests.process`."""
