"""Proof that a webhook was sent by the host: a detached JWS (RFC 7515, appendix F; RFC 7797) over the raw body.

What is signed is ASCII(protected header) + "." + the body's bytes, by RS256, with a key of the host's JWKS. Hosts with
an older PyJWT leave `crit` out of the header although `b64` is false; both forms are genuine (observed).
"""

import base64
import binascii
import json
import secrets
import threading
import time
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
SECONDS_BETWEEN_FETCHES = 60.0  # per shop: forged key ids must not make us call the host

_fetched_at: dict[str, float] = {}
_lock = threading.Lock()

Jwks = dict[str, Any]


class KeysUnavailable(Unavailable):
    """The key that signed this is not known and cannot be fetched now: genuine or not, nobody can tell."""


def verify(installation: Installation, signature: str, body: bytes) -> None:
    """`Rejected` unless the host signed exactly this body; `KeysUnavailable` when its key cannot be had now."""
    encoded, _, rest = signature.partition(".")
    nothing, _, encoded_signature = rest.partition(".")
    if len(signature) > LONGEST_HEADER or nothing or not encoded_signature:
        raise _refused()
    header = _protected_header(encoded)
    key = key_of(installation, header["kid"])
    try:
        key.verify(_decoded(encoded_signature), encoded.encode() + b"." + body, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _refused() from None


def fetch_jwks(api_url: str) -> Jwks:
    """The keys that the host publishes; `Unavailable` when they cannot be had."""
    answer = http.call("GET", f"{origin_of(api_url)}/.well-known/jwks.json", largest=LARGEST_JWKS)
    try:
        keys = answer.json().get("keys") if answer.ok else None
    except ValueError:
        keys = None
    if not isinstance(keys, list):
        raise KeysUnavailable("The shop's signing keys could not be fetched.", code="jwks_unavailable")
    return {"keys": [key for key in keys if isinstance(key, dict)]}


def _refused() -> Rejected:
    return Rejected("The signature is not the shop's.", code="invalid_signature")


def _protected_header(encoded: str) -> dict[str, Any]:
    try:
        header = json.loads(_decoded(encoded))
    except ValueError:
        raise _refused() from None
    if not isinstance(header, dict) or header.get("alg") != "RS256" or header.get("b64") is not False:
        raise _refused()
    if header.get("crit", ["b64"]) != ["b64"] or not isinstance(header.get("kid"), str):
        raise _refused()
    return header


def key_of(installation: Installation, kid: str) -> rsa.RSAPublicKey:
    """The shop's key of that id, fetched if it is new; `KeysUnavailable` when it cannot be had now."""
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
    """Fetch the keys again, at most once a minute and shop: keys rotate, and forgers invent key ids."""
    with _lock:
        last = _fetched_at.get(installation.saleor_api_url)
        if last is not None and time.monotonic() - last < SECONDS_BETWEEN_FETCHES:
            return
        _fetched_at[installation.saleor_api_url] = time.monotonic()
    try:
        fetched = fetch_jwks(installation.saleor_api_url)
        if not _thumbprints(fetched):
            return  # the keys that are known stay
        is_proven = is_same_shop(installation, fetched)
    except Failure as error:
        raise KeysUnavailable(error.message, code="jwks_unavailable") from None
    if not is_proven:
        raise KeysUnavailable(
            "The keys at the shop's address are other ones now, and the shop there does not know the app's token.",
            code="keys_not_proven",
        )
    installation.jwks = fetched
    installation.save(update_fields=["jwks"])


def is_same_shop(installation: Installation, fetched: Jwks) -> bool:
    """Whether who publishes these keys is the shop that installed the app, and not a later owner of its address.

    Proven by one key that is known already, or by the app's token: the shop knows it, and does not know a made-up
    one. `Unavailable` when the shop cannot be asked.
    """
    known = _thumbprints(installation.jwks)
    if not known or known & _thumbprints(fetched):
        return True
    return _knows(installation, installation.token) and not _knows(installation, secrets.token_urlsafe(22))


def _knows(installation: Installation, token: str) -> bool:
    try:
        return client.fetch_app(installation.saleor_api_url, token).id == installation.app_id
    except Rejected:
        return False


def _thumbprints(jwks: Jwks) -> set[tuple[str, str]]:
    """What makes a key the one it is; the key's id is only a name."""
    keys = jwks.get("keys", [])
    return {
        (str(key.get("n")), str(key.get("e"))) for key in keys if key.get("kty") == "RSA" and key.get("n")
    }


def _find(jwks: Jwks, kid: str) -> rsa.RSAPublicKey | None:
    for key in jwks.get("keys", []):
        if key.get("kid") == kid and key.get("kty") == "RSA":
            return _public_key(key)
    return None


def _public_key(key: dict[str, Any]) -> rsa.RSAPublicKey | None:
    try:
        exponent, modulus = (int.from_bytes(_decoded(key[name])) for name in ("e", "n"))
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (KeyError, TypeError, ValueError):
        return None


def _decoded(text: str) -> bytes:
    """base64url without padding, strictly: a signature has one spelling only."""
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
