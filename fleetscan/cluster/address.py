"""Which scheduler may be driven: one on this computer, or one that speaks TLS."""

from __future__ import annotations

from fleetscan.addresses import Origin
from fleetscan.errors import Remedy, UsageError

TLS = "tls"


def refuse_open(address: str) -> None:
    """Raise UsageError unless `address` is `tls://`, or loopback: who reaches another can run code there."""
    scheme, _, place = address.partition("://")
    try:
        is_loopback = Origin.of(f"http://{place}").is_loopback
    except ValueError as error:
        raise UsageError(f"the scheduler's address {address} cannot be read: {error}") from None
    if scheme != TLS and not is_loopback:
        why = f"{address} is a scheduler without TLS beyond this computer: who reaches it can run code there"
        raise UsageError(
            why, Remedy("have it serve tls:// and give that to {scheduler}", {"scheduler": None})
        )
