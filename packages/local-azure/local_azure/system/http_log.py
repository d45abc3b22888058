"""The log of the HTTP library, without the content of requests, which may contain a token."""

from __future__ import annotations

import logging


class _WithoutBytes(logging.Filter):
    """Removes the content of unreadable requests from log records, because it may contain a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "unknown"
        record.msg, record.args = f"a request could not be read: {kind}", ()
        record.exc_info = record.exc_text = None
        return True


library_log = logging.getLogger("local_azure.arm.http")
"""The logger of the HTTP library."""
library_log.addFilter(_WithoutBytes())
