"""A shop's channels are followed when they are added or renamed: payments, audience, orders and segments stay."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience.people.audiences import audience_of_channel, default_audience
from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience
from saleor_stripe_audience.audience.segments import store
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.segments.store import SegmentValues
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.gateway import accounts
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import AccountChannel
from saleor_stripe_audience.gateway.objects import PaymentIntent
from saleor_stripe_audience.inbox.models import Handling
from saleor_stripe_audience.payments import attempts
from saleor_stripe_audience.payments.models import Attempt, Payment
from saleor_stripe_audience.payments.readiness import NO_ACCOUNT, obstacles
from saleor_stripe_audience.saleor import webhook_sync
from saleor_stripe_audience.saleor.channels import store_channels, sync_channels
from saleor_stripe_audience.saleor.client import ChannelData
from saleor_stripe_audience.sandbox.demo.shopper import GATEWAY, INITIALIZE, Shopper, change
from saleor_stripe_audience.sandbox.demo.stage import APP_ID, Stage
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Channel, Installation, Problem
from tests.payments.conftest import stripe_sandbox, stripe_url  # noqa: F401 - fixtures
from tests.payments.test_reporting import Town, town

__all__ = ["town"]

pytestmark = pytest.mark.django_db(transaction=True)

SLUG = "default-channel"
BOUGHT = ("CHECKOUT_", "ORDER_", "TRANSACTION_", "PAYMENT_")
RENAME = """mutation Rename($id: ID!, $slug: String!) {
  channelUpdate(id: $id, input: {slug: $slug}) { channel { slug } errors { field message code } } }"""
RULE = {
    "version": 1,
    "root": {
        "type": "all",
        "of": [
            {"type": "purchased", "channel": SLUG},
            {"type": "attribute", "key": "channel", "is": SLUG},
        ],
    },
}


def rename(town: Town, before: str, after: str) -> None:
    """Rename the channel as staff do; Saleor does not report it to the app."""
    [channel] = [each for each in town.shop.host.store.channels if each.slug == before]
    change(cast("Stage", town), RENAME, town.shop.staff_token(), id=channel.id, slug=after)


def test_everything_follows_a_renamed_channel(town: Town, run_all_tasks: Callable[[], int]) -> None:
    town.begin()
    run_all_tasks()
    shop = Installation.objects.get()
    other = Audience.objects.create(installation=shop, name="Others")
    ChannelAudience.objects.create(installation=shop, channel=SLUG, audience=other)
    accounts.pause(shop.pk, SLUG, "Back at noon.")
    store.create(default_audience(shop), SegmentValues("Buyers", RULE, accept_unknown=True))
    account = AccountChannel.objects.get(channel_slug=SLUG).account_id
    now = timezone.now()
    common = {"installation": shop, "channel": SLUG, "currency": "USD", "total_minor": 1, "issued_at": now}
    Cart.objects.create(saleor_checkout_id="c", started_at=now, last_active_at=now, **common)
    Purchase.objects.create(
        saleor_order_id="o", placed_at=now, charged_minor=1, refunded_minor=0, status="UNFULFILLED",
        charge_status="FULL", **common,
    )  # fmt: skip
    problems.report(shop, f"methods-{SLUG}", "No method.")
    rename(town, SLUG, "usa")

    done = webhook_sync.sync_all_webhooks.call()

    assert list(done.values()) == [f"channel {SLUG} renamed to usa"]
    mapping = AccountChannel.objects.get(channel_slug="usa")
    assert (mapping.account_id, mapping.is_paused, mapping.pause_message) == (account, True, "Back at noon.")
    assert audience_of_channel(shop, "usa") == other
    assert set(Payment.objects.values_list("channel_slug", flat=True)) == {"usa"}
    assert set(Cart.objects.values_list("channel", flat=True)) == {"usa"}
    assert set(Purchase.objects.values_list("channel", flat=True)) == {"usa"}
    tree = Segment.objects.get(name="Buyers").tree
    assert [each.get("channel") for each in tree["root"]["of"]] == ["usa", None]
    assert tree["root"]["of"][1]["is"] == [SLUG], "an attribute's value is not a channel"
    assert not Problem.objects.filter(key=f"methods-{SLUG}").exists()
    assert not Channel.objects.filter(slug=SLUG).exists()
    assert sync_channels(shop) == [], "twice is once"


def test_a_new_channel_without_an_account_is_a_problem_at_once(
    town: Town, run_all_tasks: Callable[[], int]
) -> None:
    town.begin()
    run_all_tasks()
    shop = Installation.objects.get()
    everything = [data(each.id, each.slug) for each in town.shop.host.store.channels]
    store_channels(shop, [*everything, data("77", "japan")])
    assert not Problem.objects.exists(), "not while the events wait for the channels"
    run_all_tasks()
    assert "Japan" in Problem.objects.get(key="channels").message
    store_channels(shop, everything)
    run_all_tasks()
    assert not Problem.objects.exists()


def checkout_in(town: Town, channel: str) -> str:
    shopper = Shopper(cast("Stage", town), channel)
    return shopper._checkout(shopper.products()[0]["variants"][0]["id"], "robin@example.com")


def show_form(town: Town, channel: str) -> None:
    change(cast("Stage", town), GATEWAY, None, id=checkout_in(town, channel), gateways=[{"id": APP_ID}])


def start_payment(town: Town, channel: str) -> None:
    gateway = {"id": APP_ID, "data": None}
    change(cast("Stage", town), INITIALIZE, None, id=checkout_in(town, channel), gateway=gateway, key=None)


def shown_key(town: Town, channel: str) -> object:
    """Return what the storefront gets for its form."""
    gateways = [{"id": APP_ID}]
    shown = change(cast("Stage", town), GATEWAY, None, id=checkout_in(town, channel), gateways=gateways)
    return (shown["gatewayConfigs"][0]["data"] or {}).get("stripePublishableKey")


def forget_ids(town: Town) -> None:
    """Let the shop's webhooks be those of a version of the app that did not ask for the channels' ids."""
    for webhook in town.shop.host.store.webhooks():
        webhook.query = re.sub(r"(channel \{\s+)id\s", r"\1", webhook.query)


@pytest.mark.parametrize("request_in", [show_form, start_payment])
def test_the_next_payment_in_a_renamed_channel_is_possible_without_its_id(
    town: Town, run_all_tasks: Callable[[], int], request_in: Callable[[Town, str], None]
) -> None:
    forget_ids(town)
    rename(town, SLUG, "usa")
    request_in(town, "usa")
    assert not Payment.objects.exists()
    run_all_tasks()
    start_payment(town, "usa")
    assert Payment.objects.get().channel_slug == "usa"


def test_a_payment_in_a_renamed_channel_is_possible_at_once(
    town: Town, run_all_tasks: Callable[[], int]
) -> None:
    rename(town, SLUG, "usa")
    assert shown_key(town, "usa") == town.account.publishable_key
    start_payment(town, "usa")
    payment = Payment.objects.get()
    assert (payment.account, payment.channel_slug) == (town.account, SLUG)
    run_all_tasks()
    payment.refresh_from_db()
    assert (payment.account, payment.channel_slug) == (town.account, "usa")
    assert shown_key(town, "usa") == town.account.publishable_key


def test_a_rename_that_is_stored_while_a_payment_is_created_counts_for_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first payment's task runs at once, while another payment waits for Stripe's answer."""
    rename(town, SLUG, "usa")
    create_intent = attempts.create_intent

    def fetch_first(attempt: Attempt) -> PaymentIntent:
        assert attempt.params["metadata"][names.CHANNEL] == SLUG
        sync_channels(Installation.objects.get())
        return create_intent(attempt)

    monkeypatch.setattr(attempts, "create_intent", fetch_first)
    start_payment(town, "usa")
    assert Payment.objects.get().channel_slug == "usa"


def test_payments_after_two_channels_exchanged_their_slugs_stay_with_their_accounts(
    town: Town, run_all_tasks: Callable[[], int]
) -> None:
    """Here only the first channel has an account; the other one must not be charged through it."""
    other = next(each.slug for each in town.shop.host.store.channels if each.slug != SLUG)
    AccountChannel.objects.filter(channel_slug=other).delete()
    rename(town, SLUG, "passing")
    rename(town, other, SLUG)
    rename(town, "passing", other)
    for _ in range(2):  # before and after the channels are fetched
        assert shown_key(town, SLUG) is None
        assert shown_key(town, other) == town.account.publishable_key
        start_payment(town, other)
        run_all_tasks()
        assert set(Payment.objects.values_list("channel_slug", "account")) == {(other, town.account.pk)}


def test_an_order_right_after_a_rename_goes_to_the_channels_audience(
    town: Town, run_all_tasks: Callable[[], int]
) -> None:
    shop = Installation.objects.get()
    other = Audience.objects.create(installation=shop, name="Others")
    ChannelAudience.objects.create(installation=shop, channel=SLUG, audience=other)
    rename(town, SLUG, "usa")
    shopper = Shopper(cast("Stage", town), "usa")
    bought = shopper.buy(shopper.products()[0]["variants"][0]["id"], "robin@example.com", "4242424242424242")
    assert bought.order is not None
    town.shop.drain()
    run_all_tasks()
    purchase = Purchase.objects.select_related("contact__audience").get()
    assert purchase.contact is not None
    assert (purchase.contact.audience, purchase.channel) == (other, "usa")
    assert set(Cart.objects.values_list("channel", flat=True)) == {"usa"}
    assert set(Payment.objects.values_list("channel_slug", flat=True)) == {"usa"}
    assert not Handling.objects.exclude(given_up_at=None).exists()


def test_every_order_checkout_and_payment_has_the_channels_id(town: Town) -> None:
    """Without it, a renamed channel could only be recognized by fetching all of them."""
    town.begin()
    identifier = next(each.id for each in town.shop.host.store.channels if each.slug == SLUG)
    assert base64.b64decode(identifier).startswith(b"Channel:")
    assert Channel.objects.get(slug=SLUG).saleor_id == identifier
    town.shop.drain()
    bodies = [each.payload for each in town.shop.deliveries if each.event.startswith(BOUGHT)]
    named = [each for body in bodies for each in channels_in(body)]
    assert len(named) >= 3
    assert {each["id"] for each in named} == {identifier}


def channels_in(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the channels of checkouts and orders anywhere in a payload, not those of products."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "channel" and isinstance(value, dict):
                yield value
            elif name not in ("channelListings", "product", "productVariant"):
                yield from channels_in(value)


def test_a_deleted_channels_slug_that_is_used_again_is_noticed(
    town: Town, run_all_tasks: Callable[[], int]
) -> None:
    store = town.shop.host.store
    other = next(each for each in store.channels if each.slug != SLUG)
    store_channels(Installation.objects.get(), [data(other.id, other.slug)])
    AccountChannel.objects.filter(channel_slug=SLUG).delete()
    show_form(town, SLUG)
    run_all_tasks()
    assert not Channel.objects.get(slug=SLUG).is_deleted


def data(identifier: str, slug: str) -> ChannelData:
    return ChannelData(identifier, slug, slug.title(), "USD")


@pytest.fixture
def shop() -> Installation:
    return Installation.objects.create(
        saleor_api_url="https://shop.example/graphql/", app_id="1", token="t", registered_at=timezone.now()
    )


def feed(shop: Installation, **audiences: str) -> None:
    for slug, name in audiences.items():
        audience, _ = Audience.objects.get_or_create(installation=shop, name=name)
        ChannelAudience.objects.create(installation=shop, channel=slug, audience=audience)


def fed(shop: Installation) -> dict[str, str]:
    rows = ChannelAudience.objects.filter(installation=shop)
    return dict(rows.values_list("channel", "audience__name"))


def test_channels_can_exchange_their_slugs(shop: Installation) -> None:
    store_channels(shop, [data("1", "fr"), data("2", "de"), data("3", "at")])
    feed(shop, fr="French", de="German", at="Austrian")
    assert store_channels(shop, [data("1", "de"), data("2", "at"), data("3", "fr")]) == [
        "channel at renamed to fr",
        "channel de renamed to at",
        "channel fr renamed to de",
    ]
    assert fed(shop) == {"de": "French", "at": "German", "fr": "Austrian"}
    assert dict(Channel.objects.values_list("saleor_id", "slug")) == {"1": "de", "2": "at", "3": "fr"}


def test_a_deleted_channel_gives_way_to_one_that_takes_its_slug(shop: Installation) -> None:
    store_channels(shop, [data("1", "fr"), data("2", "de")])
    feed(shop, fr="French", de="German")
    assert store_channels(shop, [data("1", "de")]) == ["channel fr renamed to de"]
    assert fed(shop) == {"de": "French"}


def test_nobody_has_to_connect_an_account_for_a_deleted_channel(shop: Installation) -> None:
    store_channels(shop, [data("1", "fr"), data("2", "de")])
    assert store_channels(shop, [data("1", "fr")]) == ["channel de deleted"]
    assert store_channels(shop, [data("1", "fr")]) == []
    [missing] = [each for each in obstacles(shop) if each.code == NO_ACCOUNT]
    assert missing.channels == ("fr",)
    assert store_channels(shop, [data("1", "fr"), data("2", "de")]) == []
    [missing] = [each for each in obstacles(shop) if each.code == NO_ACCOUNT]
    assert missing.channels == ("de", "fr")


def test_a_new_channel_under_the_slug_of_a_deleted_one_continues_it(shop: Installation) -> None:
    store_channels(shop, [data("1", "fr")])
    feed(shop, fr="French")
    assert store_channels(shop, [data("2", "fr")]) == []
    assert fed(shop) == {"fr": "French"}
    assert Channel.objects.get().saleor_id == "2"


def test_a_channel_that_was_stored_without_an_id_gets_it(shop: Installation) -> None:
    Channel.objects.create(installation=shop, slug="fr", name="France", currency="EUR")
    assert store_channels(shop, [data("1", "fr")]) == []
    assert store_channels(shop, [data("1", "france"), data("2", "new")]) == [
        "channel fr renamed to france",
        "channel new added",
    ]


def test_another_shops_channel_of_the_same_name_stays(shop: Installation) -> None:
    other = Installation.objects.create(
        saleor_api_url="https://other.example/graphql/", app_id="1", token="t", registered_at=timezone.now()
    )
    for each in (shop, other):
        store_channels(each, [data("1", "fr")])
        feed(each, fr="French")
    store_channels(shop, [data("1", "france")])
    assert fed(other) == {"fr": "French"}
    assert Channel.objects.get(installation=other).slug == "fr"


def test_an_answer_that_arrives_after_a_later_one_changes_nothing(shop: Installation) -> None:
    """Several tasks can fetch the channels at once."""
    earlier, later = timezone.now() - timedelta(seconds=2), timezone.now() - timedelta(seconds=1)
    store_channels(shop, [data("1", "france")], later)
    assert store_channels(shop, [data("1", "fr")], earlier) == []
    assert Channel.objects.get().slug == "france"
    assert store_channels(shop, [data("1", "fr")]) == ["channel france renamed to fr"]
