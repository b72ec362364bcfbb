"""No address, name, telephone number or IP address of a shopper is ever logged."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from saleor_stripe_audience.audience.consent import links
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure, subject
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.logs import logging_settings
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.histories import at, member, order
from tests.audience.shopping.checkouts import checkout
from tests.conftest import Work

PERSONAL = ["ada@", "ada.new@", "lovelace", "augusta", "+13155550123", "203.0.113.77", "news, please"]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that the app logs, in its format."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    form = logging_settings("DEBUG")["formatters"]["json"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=form["processors"], foreign_pre_chain=form["foreign_pre_chain"]
        )
    )
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.django_db(transaction=True)
def test_a_whole_life_leaves_no_trace_in_the_logs(
    shop: Installation,
    client: Client,
    run_all_tasks: Work,
    log: io.StringIO,
    settings: Any,
) -> None:
    settings.EMAIL_CONFIGURED, settings.DEFAULT_FROM_EMAIL = True, "news@shop.example"
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    Channel.objects.create(installation=shop, slug="default-channel", name="Default", currency="USD")
    key = storefront.create_key(shop, ["https://shop.example.com"]).key

    deliver(shop, "customer_created", {"user": member(7, firstName="Augusta", lastName="Lovelace")}, 1)
    deliver(shop, "order_created", {"order": order("1", user=member(7)) | {"metadata": consent("true")}}, 2)
    change_audience(
        Audience.objects.get(), AudienceSettings("News", double_opt_in=True, consent_text="News, please")
    )
    deliver(shop, "order_created", {"order": order("2") | {"metadata": consent("true", "tomorrow")}}, 3)
    deliver(shop, "order_updated", {"order": order("3", email="ada@nowhere")}, 4)
    deliver(shop, "customer_updated", {"user": member(7, "ada.new@shop.example")}, 5)
    deliver(shop, "order_created", {"order": {"id": "ada@shop.example"}}, 6)
    deliver(shop, "checkout_created", {"checkout": checkout(user=member(7, "ada.new@shop.example"))}, 9)
    deliver(shop, "checkout_updated", {"checkout": checkout(2, email="ada@nowhere")}, 10)
    deliver(shop, "checkout_updated", {"checkout": {"id": "ada@shop.example"}}, 11)
    for query in (SUBSCRIBE, 'mutation { nonsense(email: "ada@shop.example" }'):
        client.post(
            "/storefront/graphql/",
            json.dumps({"query": query}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {key}"},
            REMOTE_ADDR="203.0.113.77",
        )
    run_all_tasks()
    contact = Contact.objects.select_related("audience__installation").get(email="ada.new@shop.example")
    client.post(links.unsubscribe_url(contact))
    client.get("/audience/preferences/ada")
    subject.export(shop, "ada@shop.example")
    erasure.erase(shop, "ada@shop.example")
    deliver(shop, "account_deleted", {"user": member(7, "ada.new@shop.example")}, 8)

    written = log.getvalue().lower()
    assert "person erased" in written
    assert [each for each in PERSONAL if each in written] == []


SUBSCRIBE = """mutation { audienceSubscribe(input: {
  channel: "default-channel", email: "ada.new@shop.example", consentText: "News, please" }) { accepted } }"""


def consent(value: str, moment: str = "") -> list[dict[str, str]]:
    values = {"marketing_consent": value, "consent_at": moment, "consent_ip": "203.0.113.77"}
    return [{"key": key, "value": value} for key, value in values.items() if value]


def deliver(shop: Installation, kind: str, payload: dict[str, Any], step: int) -> None:
    record("saleor", shop.pk, str(step), kind, payload, at(step))
    dispatch(Event.objects.get(origin=shop.pk, key=str(step)).pk)
