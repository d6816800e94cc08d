"""Everything that decides, and nothing that waits: no await, clock, socket, chance, environment or log."""
