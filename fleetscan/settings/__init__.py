"""Every setting once, with its type, range and reason; flags, variables and file keys derive from it."""
