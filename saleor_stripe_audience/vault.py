"""Secrets at rest: a model field that encrypts its value.

The key is derived from SECRET_KEY; SECRET_KEY_FALLBACKS still decrypt, so that the key can be changed without losing
stored secrets.
"""

import base64
from functools import cache, cached_property
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from saleor_stripe_audience.errors import Blocked


@cache
def _fernet_of(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived_key(secret)) for secret in secrets])


def _derived_key(secret: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"saleor-stripe-audience vault")
    return base64.urlsafe_b64encode(derivation.derive(secret.encode()))


def _fernet() -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def encrypt(secret: str) -> str:
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """The secret; `Blocked` if no configured key decrypts it: the right SECRET_KEY may be set again."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken:
        raise Blocked(
            "A stored secret cannot be decrypted with this SECRET_KEY. Start with the SECRET_KEY that was used "
            "when it was stored, or add that one to SECRET_KEY_FALLBACKS.",
            code="secret_key_changed",
        ) from None


def is_current(token: str) -> bool:
    """Whether the current SECRET_KEY alone decrypts it."""
    try:
        _fernet_of((settings.SECRET_KEY,)).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


class _Sealed:
    """A secret as it is stored; decrypted when it is first read, once for all copies of the row."""

    def __init__(self, token: str) -> None:
        self._token = token

    @cached_property
    def secret(self) -> str:
        return decrypt(self._token)


class _Opening(DeferredAttribute):
    """Decrypts the secret when it is read: one that cannot be decrypted must not prevent rows from being listed."""

    field: Any

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if isinstance(value, _Sealed):
            value = value.secret
            self.__set__(instance, value)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text that is encrypted in the database and plain on the instance. It cannot be searched.

    Reading it raises `Blocked` if it cannot be decrypted; reading the row does not.
    """

    descriptor_class = _Opening

    def get_prep_value(self, value: Any) -> Any:
        return value if value in (None, "") else encrypt(str(value))

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> _Sealed | str | None:  # noqa: ARG002
        return _Sealed(value) if value else value
