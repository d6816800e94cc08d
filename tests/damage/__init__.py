"""Runs whose files are damaged, and then resumed: refused, or every VM once and as Azure told it."""
