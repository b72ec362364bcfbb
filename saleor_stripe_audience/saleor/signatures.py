"""Proof that a webhook was sent by Saleor: a detached JWS (RFC 7515, appendix F; RFC 7797) over the raw body.

The signature covers ASCII(protected header) + "." + the body's bytes, by RS256, with a key of the shop's JWKS. Saleor
with an older PyJWT omits `crit` from the header although `b64` is false; both forms are genuine (observed).
"""

import base64
import binascii
import json
import secrets
import threading
import time
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.saleor import client, http
from saleor_stripe_audience.saleor.addresses import origin_of
from saleor_stripe_audience.shops.models import Installation

LONGEST_HEADER = 2048  # characters of the whole signature header; genuine ones have about 480
LARGEST_JWKS = 256 * 1024  # bytes; a key has about 500
MOST_KEYS = 1024  # kept as they are used; all depends on the key's own numbers
MOST_HEADERS = 1024  # kept once they are read
SECONDS_BETWEEN_FETCHES = 60.0  # per shop: forged key ids must not make the app call Saleor

_fetched_at: dict[str, float] = {}
_lock = threading.Lock()

Jwks = dict[str, Any]


class KeysUnavailable(Unavailable):
    """The signing key is not known and cannot be fetched now, so the signature can be neither accepted nor refused."""


def verify(installation: Installation, signature: str, body: bytes) -> None:
    """`Rejected` unless the shop signed exactly this body; `KeysUnavailable` if its key cannot be fetched now."""
    encoded, _, rest = signature.partition(".")
    payload, _, encoded_signature = rest.partition(".")  # a detached payload is empty
    if len(signature) > LONGEST_HEADER or payload or not encoded_signature:
        raise _refused()
    key = key_of(installation, _key_id_in(encoded))
    try:
        key.verify(_decode(encoded_signature), encoded.encode() + b"." + body, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _refused() from None


def fetch_jwks(api_url: str) -> Jwks:
    """The keys that the shop publishes; `Unavailable` if they cannot be fetched."""
    response = http.call("GET", f"{origin_of(api_url)}/.well-known/jwks.json", largest=LARGEST_JWKS)
    try:
        keys = response.json().get("keys") if response.ok else None
    except ValueError:
        keys = None
    if not isinstance(keys, list):
        raise KeysUnavailable("The shop's signing keys could not be fetched.", code="jwks_unavailable")
    return {"keys": [key for key in keys if isinstance(key, dict)]}


def _refused() -> Rejected:
    return Rejected("The signature is not the shop's.", code="invalid_signature")


@lru_cache(MOST_HEADERS)
def _key_id_in(encoded: str) -> str:
    """The id of the key that the protected header names. A shop sends the same header until its key changes."""
    try:
        header = json.loads(_decode(encoded))
    except ValueError:
        raise _refused() from None
    if not isinstance(header, dict) or header.get("alg") != "RS256" or header.get("b64") is not False:
        raise _refused()
    if header.get("crit", ["b64"]) != ["b64"] or not isinstance(header.get("kid"), str):
        raise _refused()
    key_id: str = header["kid"]
    return key_id


def key_of(installation: Installation, kid: str) -> rsa.RSAPublicKey:
    """The shop's key of that id, fetched if it is new; `KeysUnavailable` if it cannot be fetched now."""
    key = _find(installation.jwks, kid)
    if key is None:
        _refresh(installation)
        key = _find(installation.jwks, kid)
    if key is None:
        raise KeysUnavailable(
            "The signature's key is not known yet; the shop's keys are fetched at most once a minute.",
            code="unknown_key",
        )
    return key


def _refresh(installation: Installation) -> None:
    """Fetch the keys again, at most once a minute for each shop: keys rotate, and attackers invent key ids."""
    with _lock:
        last = _fetched_at.get(installation.saleor_api_url)
        if last is not None and time.monotonic() - last < SECONDS_BETWEEN_FETCHES:
            return
        _fetched_at[installation.saleor_api_url] = time.monotonic()
    try:
        fetched = fetch_jwks(installation.saleor_api_url)
        if not _thumbprints(fetched):
            return  # the stored keys stay
        is_proven = is_same_shop(installation, fetched)
    except Failure as error:
        raise KeysUnavailable(error.message, code="jwks_unavailable") from None
    if not is_proven:
        raise KeysUnavailable(
            "The shop's URL now publishes different keys, and the shop there does not recognize the app's token.",
            code="keys_not_proven",
        )
    installation.jwks = fetched
    installation.save(update_fields=["jwks"])


def is_same_shop(installation: Installation, fetched: Jwks) -> bool:
    """Whether these keys are of the shop that installed the app, and not of a later owner of its URL.

    One key that is known already proves it, or the app's token: the shop accepts it, and does not accept a random
    one. `Unavailable` if the shop cannot be queried.
    """
    known = _thumbprints(installation.jwks)
    if not known or known & _thumbprints(fetched):
        return True
    return _accepts(installation, installation.token) and not _accepts(
        installation, secrets.token_urlsafe(22)
    )


def _accepts(installation: Installation, token: str) -> bool:
    try:
        return client.fetch_app(installation.saleor_api_url, token).id == installation.app_id
    except Rejected:
        return False


def _thumbprints(jwks: Jwks) -> set[tuple[str, str]]:
    """What identifies a key; its id is only a name."""
    keys = jwks.get("keys", [])
    return {
        (str(key.get("n")), str(key.get("e"))) for key in keys if key.get("kty") == "RSA" and key.get("n")
    }


def _find(jwks: Jwks, kid: str) -> rsa.RSAPublicKey | None:
    for key in jwks.get("keys", []):
        if key.get("kid") == kid and key.get("kty") == "RSA":
            try:
                return _parse_key(key["e"], key["n"])
            except (KeyError, TypeError, ValueError):
                return None
    return None


@lru_cache(MOST_KEYS)
def _parse_key(exponent: str, modulus: str) -> rsa.RSAPublicKey:
    numbers = (int.from_bytes(_decode(each)) for each in (exponent, modulus))
    return rsa.RSAPublicNumbers(*numbers).public_key()


def _decode(text: str) -> bytes:
    """base64url without padding, strictly: a signature has exactly one spelling."""
    if len(text) % 4 == 1 or not set(text) <= _ALPHABET:
        raise _refused()
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise _refused() from None
    if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != text:
        raise _refused()
    return decoded


_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
