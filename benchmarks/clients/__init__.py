"""The programs that are compared. Each takes an endpoint, an inventory, and a file for its lines."""
