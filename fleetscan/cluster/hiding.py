"""What logs do not say. A worker's has no secrets: it may be shown to all who reach a dashboard."""

from __future__ import annotations

import logging
from contextlib import suppress

from fleetscan.redacting import Secrets

_FORM = logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s")


class Hiding(logging.Filter):
    """Passes every record on, as text without the secrets."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True."""
        record.msg, record.args = self._secrets.hide(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self._secrets.hide(_FORM.formatException(record.exc_info))
            record.exc_info = None
        return True


def hush_dask() -> None:
    """Dask logs each connection that is lost with a traceback; what it means for the scan is ours to say."""
    with suppress(ImportError):
        # It sets the levels of its loggers when it loads.
        import distributed  # noqa: F401
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def keep_log(log: logging.Logger, secrets: Secrets) -> None:
    """Have what `log` says be without `secrets`, and be written to stderr where nothing else writes it."""
    for earlier in [each for each in log.filters if isinstance(each, Hiding)]:
        log.removeFilter(earlier)
    log.addFilter(Hiding(secrets))
    writers = [
        each for each in (*log.handlers, *log.root.handlers) if not isinstance(each, logging.NullHandler)
    ]
    if not writers:
        writer = logging.StreamHandler()
        writer.setFormatter(_FORM)
        log.addHandler(writer)
