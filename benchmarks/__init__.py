"""fleetscan beside what people use today, on one pretend Azure: `make bench`. Measures, and never tunes."""
