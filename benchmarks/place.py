"""Where the checkout is: every program of a run is started there, and what is saved is saved there."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
