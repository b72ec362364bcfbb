"""A webhook is accepted only if Saleor signed exactly these bytes."""

import base64
import json
from typing import Any

import pytest

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.saleor import signatures
from saleor_stripe_audience.shops.models import Installation
from tests import recordings


def genuine(name: str) -> list[tuple[str, bytes]]:
    """Return the signature and body of every signed delivery of a recording."""
    deliveries = []
    for record in recordings.lines(name):
        headers = {key.lower(): value for key, value in record["headers"]}
        if "saleor-signature" in headers:
            deliveries.append((headers["saleor-signature"], base64.b64decode(record["body_b64"])))
    return deliveries


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Installation:
    """The recorded shop with its keys; it does not respond to any request."""
    jwks: dict[str, Any] = json.loads(recordings.read("jwks.json"))
    monkeypatch.setattr(signatures, "fetch_jwks", lambda _url: jwks)
    monkeypatch.setattr(Installation, "save", lambda *_, **__: None)
    signatures._fetched_at.clear()
    return Installation(saleor_api_url="http://127.0.0.1:8000/graphql/", jwks=jwks)


def test_every_recorded_delivery_verifies(host: Installation) -> None:
    deliveries = genuine("deliveries.jsonl")
    assert len(deliveries) == 79
    for signature, body in deliveries:
        signatures.verify(host, signature, body)


def test_every_recorded_delivery_about_the_audience_verifies(host: Installation) -> None:
    deliveries = genuine("deliveries-audience.jsonl")
    assert len(deliveries) == 298
    for signature, body in deliveries:
        signatures.verify(host, signature, body)


def test_empty_bodies_of_saleors_retries_verify(host: Installation) -> None:
    deliveries = genuine("retried-with-empty-body.jsonl")
    assert any(body == b"" for _, body in deliveries)
    for signature, body in deliveries:
        signatures.verify(host, signature, body)


def test_one_flipped_byte_in_any_body_is_refused(host: Installation) -> None:
    for signature, body in genuine("deliveries.jsonl"):
        for place in (0, len(body) // 2, len(body) - 1):
            flipped = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            with pytest.raises(Failure):
                signatures.verify(host, signature, flipped)


def test_one_flipped_byte_anywhere_in_a_signature_header_is_refused(host: Installation) -> None:
    signature, body = genuine("deliveries.jsonl")[0]
    for place in range(len(signature)):
        flipped = signature[:place] + chr(ord(signature[place]) ^ 1) + signature[place + 1 :]
        with pytest.raises(Failure):
            signatures.verify(host, flipped, body)


@pytest.mark.parametrize("signature", ["", "..", "a.b.c", "é..é", "." * 3000, "bm90IGpzb24..AAAA"])
def test_what_is_not_a_signature_is_refused(host: Installation, signature: str) -> None:
    with pytest.raises(Failure):
        signatures.verify(host, signature, b"{}")


def header_of(**fields: Any) -> str:
    header = {"alg": "RS256", "b64": False, "crit": ["b64"], "kid": "unheard-of", "typ": "JWT"} | fields
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "fields", [{"alg": "none"}, {"alg": "HS256"}, {"crit": ["exp"]}, {"b64": True}, {"kid": 7}]
)
def test_other_ways_of_signing_are_refused_before_any_key_is_fetched(
    host: Installation, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(signatures, "fetch_jwks", fetched.append)
    with pytest.raises(Failure) as refused:
        signatures.verify(host, f"{header_of(**fields)}..AAAA", b"{}")
    assert refused.value.code == "invalid_signature"
    assert fetched == []


def test_a_thousand_invented_keys_cause_one_fetch(
    host: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(url: str) -> dict[str, Any]:
        fetched.append(url)
        return {"keys": []}

    monkeypatch.setattr(signatures, "fetch_jwks", fetch)
    for number in range(1000):
        with pytest.raises(signatures.KeysUnavailable):
            signatures.verify(host, f"{header_of(kid=f'forged-{number}')}..AAAA", b"{}")
    assert len(fetched) == 1


def test_a_rotated_key_is_fetched_and_believed(host: Installation) -> None:
    host.jwks = {"keys": []}
    signature, body = genuine("deliveries.jsonl")[0]
    signatures.verify(host, signature, body)
    assert host.jwks["keys"]
