"""SQLite's write-ahead log: it grows while there are readers, and is only deleted when no connection is open."""

import structlog
from django.db import connection
from django.tasks import task

log = structlog.get_logger(__name__)


@task
def truncate_log() -> None:
    """Every five minutes: write the log's pages to the database and empty it, unless it is being read."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy, *_ = cursor.fetchone()
    if is_busy:
        log.info("SQLite's log not truncated: it is being read")
