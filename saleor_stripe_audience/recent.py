"""A short cache of database reads, so that not every request repeats them.

Shops, their accounts and channels hardly ever change, and every request of Saleor needs them. Cached values are valid
for five seconds. A change made by this process takes effect immediately: it is detected at the model, whoever makes it.
Only positive results are cached: if a shop is unknown, or a channel paused, this is read again each time, so that a
change takes effect immediately everywhere.
"""

# ruff: noqa: SLF001 - Django documents `_state`

import threading
from collections.abc import Callable, Hashable
from functools import partial
from time import monotonic
from typing import Any, NamedTuple
from weakref import WeakSet

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.base import ModelState
from django.db.models.signals import post_delete, post_save

SECONDS = 5.0
MOST = 10_000  # cached of one kind; with more, all are read again

_all: "WeakSet[Recent[Any, Any]]" = WeakSet()


class _Kept(NamedTuple):
    found: Any
    until: float


class Recent[Key: Hashable, Found]:
    """What `read` returned for each key in the last five seconds, if it `is_good`.

    It is forgotten when a row of one of the `models` changes. Inside a transaction, nothing is cached: others must not
    see what may be rolled back.
    """

    def __init__(
        self,
        read: Callable[[Key], Found],
        *of: type[models.Model],
        is_good: Callable[[Found], bool] = bool,
    ) -> None:
        self._read = read
        self._is_good = is_good
        self._models = frozenset(of)
        self._kept: dict[Key, _Kept] = {}
        self._changes = 0  # what was read before the last change is not cached
        self._lock = threading.Lock()
        _all.add(self)
        for model in of:
            for signal in (post_save, post_delete):
                signal.connect(_notice, sender=model, dispatch_uid=f"recent {model.__name__}")

    def get(self, key: Key) -> Found:
        """Return the cached value, or what `read` returns now. It is shared: only change a copy of it."""
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return self._read(key)
        kept = self._kept.get(key)
        now = monotonic()
        if kept is not None and now < kept.until:
            found: Found = kept.found
            return found
        changes = self._changes
        found = self._read(key)
        if self._is_good(found):
            with self._lock:
                if len(self._kept) >= MOST:
                    self._kept.clear()
                if changes == self._changes:
                    self._kept[key] = _Kept(found, now + SECONDS)
        return found

    def forget(self) -> None:
        """Read everything again when it is needed next."""
        with self._lock:
            self._changes += 1
            self._kept.clear()

    def is_of(self, model: type[models.Model]) -> bool:
        """Whether a change of the model counts here."""
        return model in self._models


class RecentQuerySet[Row: models.Model](models.QuerySet[Row]):
    """For models whose rows are cached: Django sends no signal for `update`."""

    def update(self, **fields: Any) -> int:
        """Like Django's, but also forget what is cached of the model."""
        changed = super().update(**fields)
        note_change(self.model)
        return changed


class RecentManager[Row: models.Model](models.Manager[Row]):
    """The manager of such models."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """As Django's, with `RecentQuerySet`."""
        return RecentQuerySet(self.model, using=self._db)


def note_change(model: type[models.Model]) -> None:
    """Forget what is cached of the model, now and after the transaction: until then, others read the previous state."""
    _forget(model)
    transaction.on_commit(partial(_forget, model))


def forget_all() -> None:
    """Forget everything, in tests whose database changes behind the models."""
    for each in _all:
        each.forget()


def duplicate[Row: models.Model](row: Row) -> Row:
    """Return a copy of the row, with a separate cache of related rows, for a caller that may change it."""
    copied = type(row).__new__(type(row))
    copied.__dict__.update(row.__dict__)
    copied._state = ModelState()  # Django's `copy` takes five times as long
    copied._state.db, copied._state.adding = row._state.db, row._state.adding
    copied._state.fields_cache = dict(row._state.fields_cache)
    return copied


def _forget(model: type[models.Model]) -> None:
    for each in _all:
        if each.is_of(model):
            each.forget()


def _notice(sender: type[models.Model], **_: Any) -> None:
    note_change(sender)
