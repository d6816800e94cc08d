"""What monitoring is told of a scan: its figures, and the file that Prometheus collects."""
