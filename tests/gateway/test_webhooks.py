"""Stripe's events on arrival: verified, recorded once, and never refused because they are irrelevant."""

import json
import time
import uuid
from typing import Any

import pytest
from django.test import Client
from django_ox.models import OxTask

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.sandbox.stripe import signature


def event(**more: Any) -> dict[str, Any]:
    whole = {"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1_790_000_000}
    return {**whole, "livemode": False, "data": {"object": {"id": "pi_1", "metadata": {}}}, **more}


def post(account: StripeAccount, body: bytes, signed: str | None = None, to: uuid.UUID | None = None) -> Any:
    made = signature(account.webhook_secret, body, int(time.time())) if signed is None else signed
    path = f"/api/webhooks/stripe/{to or account.pk}"
    return Client().post(path, body, content_type="application/json", headers={"Stripe-Signature": made})


def test_an_event_is_written_down_once(account: StripeAccount) -> None:
    body = json.dumps(event()).encode()
    assert [post(account, body).json()["new"] for _ in range(3)] == [True, False, False]
    kept = Event.objects.get()
    assert (kept.source, kept.origin, kept.key) == ("stripe", account.pk, "evt_1")
    assert kept.occurred_at.timestamp() == 1_790_000_000
    assert OxTask.objects.count() == 1


@pytest.mark.parametrize("kind", ["customer.created", "invoice.paid", "", "something.new"])
def test_an_event_of_no_interest_is_taken_and_dropped(account: StripeAccount, kind: str) -> None:
    assert post(account, json.dumps(event(type=kind)).encode()).status_code == 200
    assert not Event.objects.exists()


def test_an_event_of_the_other_mode_is_dropped(account: StripeAccount) -> None:
    assert post(account, json.dumps(event(livemode=True)).encode()).status_code == 200
    assert not Event.objects.exists()


def test_a_changed_body_is_refused(account: StripeAccount) -> None:
    body = json.dumps(event()).encode()
    signed = signature(account.webhook_secret, body, int(time.time()))
    for place in range(0, len(body), 17):
        forged = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert post(account, forged, signed).status_code == 400
    assert not Event.objects.exists()


@pytest.mark.parametrize("signed", ["", "t=1", "v1=00", "t=x,v1=00", "nonsense"])
def test_a_broken_signature_is_refused(account: StripeAccount, signed: str) -> None:
    assert post(account, json.dumps(event()).encode(), signed).status_code == 400


def test_an_old_signature_is_refused(account: StripeAccount) -> None:
    body = json.dumps(event()).encode()
    assert (
        post(account, body, signature(account.webhook_secret, body, int(time.time()) - 301)).status_code
        == 400
    )
    assert (
        post(account, body, signature(account.webhook_secret, body, int(time.time()) - 290)).status_code
        == 200
    )


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"id": 4}'])
def test_what_is_not_an_event_is_refused_even_if_signed(account: StripeAccount, body: bytes) -> None:
    made = "t=1,v1=00" if b"\xff" in body else None
    assert post(account, body, made).status_code == 400


def test_an_unknown_or_unfinished_account_has_no_endpoint(account: StripeAccount) -> None:
    body = json.dumps(event()).encode()
    assert post(account, body, to=uuid.uuid4()).status_code == 404
    StripeAccount.objects.update(webhook_secret="")
    empty = signature("", body, int(time.time()))
    assert post(account, body, empty).status_code == 404


def test_the_secret_of_one_account_does_not_open_another(account: StripeAccount) -> None:
    account.webhook_secret = "whsec_of_somebody_else"
    assert post(account, json.dumps(event()).encode()).status_code == 400


def test_too_large_a_body_is_refused(account: StripeAccount) -> None:
    body = json.dumps(event(padding="x" * (2 * 1024 * 1024))).encode()
    assert post(account, body).status_code == 413
