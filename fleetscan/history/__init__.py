"""What earlier nights saw, in one file: since when each VM misses each patch, and what each night came to."""
