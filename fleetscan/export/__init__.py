"""A run as the files of other tools: flat tables as CSV, SQLite or Parquet. It changes nothing in a run."""
