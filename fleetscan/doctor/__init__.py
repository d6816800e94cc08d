"""What would stop a scan, and what mends it: looked at without starting anything."""
