"""How much memory a scan takes while Azure, or a stranger in its place, sends replies that become huge."""
