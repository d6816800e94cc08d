"""`fleetscan` with the times of a lease and of uploads a tenth as long, as simulated assessments are."""

from __future__ import annotations

import sys

from fleetscan.__main__ import main
from fleetscan.remote import lease, publisher

LEASE_S = 4.0

if __name__ == "__main__":
    lease.LEASE_S, lease.HOLD_S, lease.LOOK_EVERY_S = LEASE_S, 2.5, 0.2
    publisher.UPLOAD_EVERY_S, publisher.AGAIN_AFTER_S = 1.0, 0.2
    sys.exit(main())
