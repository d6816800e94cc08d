"""A pretend Azure: seeded, pure, true to recorded traffic. `Cloud` is all of it, `serve` its HTTP skin."""
