"""How long one exchange with Azure may take before it is given up.

Its connection, the reply's headers and a body that trickles or stops all count as one time. There is no bound
on silence beside it: a timer that is set anew at each step would cost a thirtieth of an exchange.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.model import RequestKind

OF_ONE_VM = frozenset({RequestKind.START, RequestKind.POLL, RequestKind.RESULT, RequestKind.VIEW})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long one exchange may take: to connect, and in all, about one VM or about anything else."""

    # TLS to a far region takes below 1 s; ten leave room for two lost SYNs (1 + 2 + 4 s).
    connect_s: float = 10.0
    # ARM itself gives up on a resource provider after 60 s and answers 504; a result is read within a second.
    vm_s: float = 75.0
    # A Resource Graph page may have 16 MiB.
    total_s: float = 120.0

    def of(self, kind: RequestKind | None) -> float:
        """How long an exchange for `kind` may take in all."""
        return self.vm_s if kind in OF_ONE_VM else self.total_s


USUAL = Timeouts()
