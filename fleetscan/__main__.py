"""`python -m fleetscan` is `fleetscan`: the process is made ready first, and all else loads after that."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line and leaves the process with the contract's exit code."""
    # Python's own handler would show a traceback of the imports. The system's ends the process, silently.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fleetscan.cli.collector import collect_rarely

    collect_rarely()
    from fleetscan.cli.attending import Attendant
    from fleetscan.cli.core_dumps import forbid_core_dumps
    from fleetscan.cli.standard_streams import take_up_streams

    take_up_streams()
    forbid_core_dumps()
    attendant = Attendant()

    def work() -> int:
        from fleetscan.cli.main import run

        return run(sys.argv[1:], attendant)

    attendant.lead(work)


if __name__ == "__main__":
    main()
