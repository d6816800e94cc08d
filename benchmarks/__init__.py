"""fleetscan beside what people use today, on one simulated Azure: `make bench`. Measures, and never tunes."""
