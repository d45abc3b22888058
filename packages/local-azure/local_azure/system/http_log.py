"""What the HTTP library logs, without the bytes of a request: they may hold a token."""

from __future__ import annotations

import logging


class _WithoutBytes(logging.Filter):
    """Reduces what the HTTP library logs of a request that it cannot read: its bytes may hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "unknown"
        record.msg, record.args = f"a request could not be read: {kind}", ()
        record.exc_info = record.exc_text = None
        return True


library_log = logging.getLogger("local_azure.arm.http")
"""What the HTTP library itself logs."""
library_log.addFilter(_WithoutBytes())
