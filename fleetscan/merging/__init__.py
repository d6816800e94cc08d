"""One run of several: the shards of a scan, or a run and its retries, read once, row by row."""
