"""Orders and checkouts in channels that staff created, renamed or deleted: Saleor does not report that to the app."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleor_stripe_audience.audience.people.models import Audience, ChannelAudience, Contact
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.errors import Failure, Rejected, Unavailable
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.models import Cursor, Event, Handling
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.saleor.channels import MOST_ATTEMPTS, UNKNOWN, store_channels, sync_channels
from saleor_stripe_audience.saleor.client import ChannelData
from saleor_stripe_audience.shops.channels import KnownChannels, NamedChannel
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import ENGLISH, in_language
from tests.audience.conftest import install
from tests.audience.histories import at, order
from tests.audience.lives import WORDING
from tests.audience.shopping.checkouts import checkout
from tests.examples import play

pytestmark = pytest.mark.django_db(transaction=True)

Work = Callable[[], int]
FRENCH, GERMAN, NEW = "Q2hhbm5lbDox", "Q2hhbm5lbDoy", "Q2hhbm5lbDoz"


@dataclass
class Shop:
    """A shop whose French and German channels each feed their own audience, and what its Saleor lists now."""

    installation: Installation
    listed: dict[str, str]
    fails: Failure | None = None
    fetched: int = 0
    numbers: Any = field(default_factory=count)

    def answer(self, *_: object) -> list[ChannelData]:
        """Return what FetchChannels returns."""
        if self.fails is not None:
            raise self.fails
        self.fetched += 1
        return [ChannelData(identifier, slug, slug, "EUR") for identifier, slug in self.listed.items()]

    def receive(self, kind: str, **payload: Any) -> Event:
        """Store an event of Saleor; a task handles it later."""
        key = uuid4().hex
        engine.record("saleor", self.installation.pk, key, kind, payload, at(next(self.numbers)))
        return Event.objects.get(key=key)

    def order(self, slug: str, identifier: str | None = None, **more: Any) -> Event:
        """Store the event of an order; `identifier` is None in events of webhooks that did not ask for it yet."""
        number = next(self.numbers)
        placed = order(str(number), email=f"{number}@shop.example", currency="EUR")
        return self.receive("order_created", order=placed | {"channel": named(slug, identifier)} | more)

    def checkout(self, slug: str, identifier: str | None = None) -> Event:
        """Store the event of a checkout."""
        left = checkout(next(self.numbers)) | {"channel": named(slug, identifier)}
        return self.receive("checkout_updated", checkout=left)

    def bought(self) -> list[tuple[str, str]]:
        """Return the audience and the stored channel of each purchase, in the order of the events."""
        rows = Purchase.objects.filter(installation=self.installation).order_by("issued_at")
        return list(rows.values_list("contact__audience__name", "channel"))


def named(slug: str, identifier: str | None) -> dict[str, str]:
    return {"slug": slug, "currencyCode": "EUR"} | ({"id": identifier} if identifier else {})


@pytest.fixture
def shop(db: None, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return open_shop(monkeypatch)


def open_shop(patch: pytest.MonkeyPatch) -> Shop:
    made = Shop(install(), {FRENCH: "fr", GERMAN: "de"})
    patch.setattr(client, "fetch_channels", made.answer)
    sync_channels(made.installation)
    made.fetched = 0
    Audience.objects.create(installation=made.installation, name="Default", is_default=True)
    for slug, name in (("fr", "French"), ("de", "German")):
        audience = Audience.objects.create(installation=made.installation, name=name, consent_text=WORDING)
        ChannelAudience.objects.create(installation=made.installation, channel=slug, audience=audience)
    return made


def open_events() -> int:
    return Event.objects.filter(handled_at=None).count()


def failed_handlers() -> int:
    return Handling.objects.exclude(given_up_at=None).count()


def test_an_order_right_after_a_rename_goes_to_the_channels_audience(
    shop: Shop, run_all_tasks: Work, run_due_tasks: Work
) -> None:
    shop.listed[FRENCH] = "france"
    shop.fails = Unavailable("The shop did not respond.", code="saleor_unreachable")
    shop.order("france", FRENCH)
    run_due_tasks()
    assert shop.bought() == [("French", "fr")], "the id is enough, even without an answer of the shop"
    assert open_events() == 0
    shop.fails = None
    run_all_tasks()
    assert shop.bought() == [("French", "france")]
    assert shop.fetched == 1
    shop.order("france", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("French", "france")] * 2
    assert shop.fetched == 1


def test_a_checkout_right_after_a_rename_goes_to_the_channels_audience(
    shop: Shop, run_all_tasks: Work
) -> None:
    shop.listed[FRENCH] = "france"
    shop.checkout("france", FRENCH)
    run_all_tasks()
    cart = Cart.objects.select_related("contact__audience").get()
    assert cart.contact is not None
    assert (cart.contact.audience.name, cart.channel) == ("French", "france")
    assert shop.fetched == 1


def test_consent_right_after_a_rename_is_given_to_the_channels_audience(
    shop: Shop, run_all_tasks: Work
) -> None:
    shop.listed[FRENCH] = "france"
    consent = {"marketing_consent": "true", "consent_at": at(1).isoformat(), "consent_text": WORDING}
    metadata = [{"key": key, "value": value} for key, value in consent.items()]
    shop.order("france", FRENCH, metadata=metadata)
    run_all_tasks()
    contact = Contact.objects.get()
    assert (contact.audience.name, contact.status) == ("French", "subscribed")


def test_orders_after_two_channels_exchanged_their_slugs(shop: Shop, run_all_tasks: Work) -> None:
    shop.listed |= {FRENCH: "de", GERMAN: "fr"}
    shop.order("de", FRENCH)
    shop.order("fr", GERMAN)
    run_all_tasks()
    assert shop.bought() == [("French", "de"), ("German", "fr")]
    assert shop.fetched == 1


def test_orders_from_before_a_rename_that_are_handled_after_it(shop: Shop, run_all_tasks: Work) -> None:
    shop.order("fr", FRENCH)
    shop.checkout("fr", FRENCH)
    shop.listed |= {FRENCH: "de", GERMAN: "fr"}
    sync_channels(shop.installation)
    run_all_tasks()
    assert shop.bought() == [("French", "de")]
    assert set(Cart.objects.values_list("channel", "contact__audience__name")) == {("de", "French")}
    assert shop.fetched == 1, "the event is older than what is stored"


def test_an_order_without_an_id_waits_until_the_channels_are_fetched(
    shop: Shop, run_all_tasks: Work, run_due_tasks: Work
) -> None:
    """If there are no other facts, the slug must be compared with what the shop has now."""
    shop.listed[FRENCH] = "france"
    shop.order("france")
    shop.checkout("france")
    run_due_tasks()
    assert shop.bought() == []
    run_all_tasks()
    assert shop.bought() == [("French", "france")]
    assert Cart.objects.get().channel == "france"
    assert shop.fetched == 1
    assert failed_handlers() == open_events() == 0


def test_an_order_without_an_id_in_a_known_channel_is_handled_as_before(
    shop: Shop, run_due_tasks: Work
) -> None:
    shop.order("fr")
    shop.order("de", "")
    assert run_due_tasks() == 1
    assert shop.bought() == [("French", "fr"), ("German", "de")]
    assert shop.fetched == 0


def test_a_burst_of_orders_in_a_new_channel_fetches_the_channels_once(
    shop: Shop, run_all_tasks: Work
) -> None:
    shop.listed[NEW] = "it"
    for _ in range(20):
        shop.order("it", NEW)
    shop.order("fr", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("Default", "it")] * 20 + [("French", "fr")]
    assert shop.fetched == 1
    assert failed_handlers() == open_events() == 0
    for _ in range(3):
        shop.order("it", NEW)
        run_all_tasks()
    assert shop.fetched == 1


def test_a_new_channel_under_the_slug_of_a_renamed_one_is_another_channel(
    shop: Shop, run_all_tasks: Work
) -> None:
    shop.listed = {FRENCH: "france", GERMAN: "de", NEW: "fr"}
    shop.order("fr", NEW)
    shop.order("france", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("Default", "fr"), ("French", "france")]
    assert shop.fetched == 1


def test_a_new_channel_under_the_slug_of_a_deleted_one_continues_it(shop: Shop, run_all_tasks: Work) -> None:
    shop.listed = {GERMAN: "de", NEW: "fr"}
    shop.order("fr", NEW)
    run_all_tasks()
    assert shop.bought() == [("French", "fr")]
    assert Channel.objects.get(slug="fr").saleor_id == NEW


def test_a_late_order_of_a_deleted_channel_stays_in_its_audience(shop: Shop, run_all_tasks: Work) -> None:
    del shop.listed[FRENCH]
    sync_channels(shop.installation)
    shop.order("fr", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("French", "fr")]
    shop.order("fr")
    run_all_tasks()
    assert shop.bought() == [("French", "fr")] * 2
    assert open_events() == 0


@pytest.mark.parametrize("failure", [Unavailable("No answer.", code="x"), Rejected("Refused.", code="x")])
def test_while_the_shop_does_not_answer_an_order_waits_then_its_slug_decides(
    shop: Shop, run_all_tasks: Work, run_due_tasks: Work, failure: Failure
) -> None:
    shop.fails = failure
    event = shop.order("it", NEW)
    shop.checkout("it", NEW)
    shop.order("fr", FRENCH)
    run_due_tasks()
    assert shop.bought() == [("French", "fr")], "no other order waits"
    assert (open_events(), failed_handlers()) == (2, 0)
    handling = Handling.objects.get(event=event, handler="audience.handlers.record_order")
    assert (handling.attempts, handling.reason) == (1, in_language(UNKNOWN, ENGLISH))
    run_all_tasks()
    assert shop.bought() == [("Default", "it"), ("French", "fr")]
    assert Cart.objects.get().channel == "it"
    assert (open_events(), failed_handlers(), shop.fetched) == (0, 0, 0)
    handling.refresh_from_db()
    assert handling.attempts == 1 + MOST_ATTEMPTS


def test_the_wait_is_some_minutes_and_ends_before_the_inbox_stops_its_own_attempts(settings: Any) -> None:
    options = settings.TASKS["default"]["OPTIONS"]
    assert options["MAX_ATTEMPTS"] > MOST_ATTEMPTS
    pauses = [options["BACKOFF_INITIAL"] * 2**each for each in range(MOST_ATTEMPTS)]
    assert 60 < sum(pauses) < 300


def test_an_order_that_the_app_handles_late_waits_too(
    shop: Shop, run_due_tasks: Work, run_all_tasks: Work
) -> None:
    """It may have waited for a worker until now."""
    shop.listed = {FRENCH: "france", GERMAN: "de", NEW: "fr"}
    shop.order("fr", NEW)
    Event.objects.update(received_at=timezone.now() - timedelta(hours=1))
    Cursor.objects.update(at=timezone.now() - timedelta(hours=2))
    run_due_tasks()
    run_all_tasks()
    assert shop.bought() == [("Default", "fr")]


def test_once_the_shop_answers_again_a_waiting_order_goes_to_its_audience(
    shop: Shop, run_all_tasks: Work, run_due_tasks: Work
) -> None:
    shop.listed = {FRENCH: "france", GERMAN: "de", NEW: "fr"}
    shop.fails = Unavailable("No answer.", code="x")
    shop.order("fr", NEW)
    run_due_tasks()
    assert (shop.bought(), open_events()) == ([], 1)
    shop.fails = None
    run_all_tasks()
    assert (shop.bought(), open_events()) == ([("Default", "fr")], 0)


def test_twice_is_once(shop: Shop, run_all_tasks: Work) -> None:
    shop.listed |= {FRENCH: "france", NEW: "it"}
    for event in (shop.order("france", FRENCH), shop.order("it", NEW)):
        engine._task_for("saleor", shop.installation.pk).enqueue(event.pk)
    run_all_tasks()
    assert shop.bought() == [("French", "france"), ("Default", "it")]
    assert not Handling.objects.filter(done_at=None).exists()
    assert Contact.objects.count() == 2
    assert sync_channels(shop.installation) == []


def test_known_new_and_renamed_channels_in_one_batch(shop: Shop, run_all_tasks: Work) -> None:
    shop.listed |= {FRENCH: "france", NEW: "it"}
    shop.order("de", GERMAN)
    shop.order("it", NEW)
    shop.order("france", FRENCH)
    shop.checkout("it", NEW)
    shop.order("fr", FRENCH)
    run_all_tasks()
    expected = [("German", "de"), ("Default", "it"), ("French", "france"), ("French", "france")]
    assert shop.bought() == expected
    assert Cart.objects.get().channel == "it"
    assert (open_events(), failed_handlers(), shop.fetched) == (0, 0, 1)


def test_a_shop_with_one_audience_stores_the_channels_current_slug(shop: Shop, run_all_tasks: Work) -> None:
    ChannelAudience.objects.all().delete()
    Audience.objects.exclude(is_default=True).delete()
    shop.listed[FRENCH] = "france"
    shop.order("fr", FRENCH)
    shop.order("france", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("Default", "france")] * 2


@pytest.mark.parametrize("stored", [[], ["fr", "de"]])
def test_a_shop_whose_channels_were_never_fetched_is_left_alone(
    shop: Shop, run_all_tasks: Work, stored: list[str]
) -> None:
    Channel.objects.all().delete()
    for slug in stored:
        Channel.objects.create(installation=shop.installation, slug=slug, name=slug, currency="EUR")
    shop.order("fr", FRENCH)
    shop.order("it", NEW)
    shop.order("it")
    assert run_all_tasks() == 1
    assert shop.bought() == [("French", "fr"), ("Default", "it"), ("Default", "it")]
    assert shop.fetched == 0


def test_another_shops_channel_of_the_same_id_does_not_count(shop: Shop, run_all_tasks: Work) -> None:
    other = install()
    store_channels(other, [ChannelData(FRENCH, "elsewhere", "Elsewhere", "EUR")])
    shop.order("fr", FRENCH)
    run_all_tasks()
    assert shop.bought() == [("French", "fr")]
    assert shop.fetched == 0


class AnyHistory(TestCase):
    @play(6)
    @given(chance=st.randoms(use_true_random=False))
    def test_every_order_goes_to_its_channels_audience_whenever_slugs_change(self, chance: Random) -> None:
        """Events arrive late, the shop does not always answer, and tasks run at any time."""
        with pytest.MonkeyPatch.context() as patch:
            shop = open_shop(patch)
            sent: list[tuple[str, str]] = []  # orders of Saleor that have not arrived yet, named as of then
            expected = Counter[str]()
            steps: list[Callable[[str], object]] = [
                lambda channel: sent.append((shop.listed[channel], channel)),
                lambda channel: sent.append((shop.listed[channel], channel)),
                lambda _: shop.order(*sent.pop(chance.randrange(len(sent)))) if sent else None,
                lambda channel: shop.listed.update({channel: f"renamed-{next(shop.numbers)}"}),
                lambda _: shop.listed.update({FRENCH: shop.listed[GERMAN], GERMAN: shop.listed[FRENCH]}),
                lambda _: shop.fails or sync_channels(shop.installation),
                lambda _: setattr(shop, "fails", None if shop.fails else Unavailable("No answer.", code="x")),
                lambda _: run_tasks(),
            ]
            for _ in range(20):
                step, channel = chance.choice(steps), chance.choice([FRENCH, GERMAN])
                expected[channel] += step in steps[:2]
                step(channel)
            shop.fails = None
            for slug, channel in sent:
                shop.order(slug, channel)
            while OxTask.objects.filter(status=OxTask.Status.READY).update(run_after=None):
                run_tasks()
            sync_channels(shop.installation)
            assert Counter(shop.bought()) == +Counter(
                {
                    ("French", shop.listed[FRENCH]): expected[FRENCH],
                    ("German", shop.listed[GERMAN]): expected[GERMAN],
                }
            )
            assert open_events() == failed_handlers() == 0


KNOWN = [("fr", "1", False), ("de", "2", False), ("at", "3", True), ("uk", "", False)]


@pytest.mark.parametrize(
    ("slug", "identifier", "found", "is_known"),
    [
        ("fr", "1", "fr", True),
        ("fr", "", "fr", True),
        ("de", "1", "fr", False),
        ("fr", "2", "de", False),
        ("new", "1", "fr", False),
        ("fr", "9", "fr", False),
        ("new", "9", "new", False),
        ("new", "", "new", False),
        ("at", "3", "at", False),
        ("at", "9", "at", False),
        ("at", "", "at", False),
        ("uk", "9", "uk", True),  # stored without its id
        ("uk", "1", "fr", False),
        ("uk", "", "uk", True),
    ],
)
def test_the_id_decides_and_the_slug_only_without_it(
    slug: str, identifier: str, found: str, is_known: bool
) -> None:
    known, channel = KnownChannels(KNOWN), NamedChannel(slug, identifier)
    assert known.slug_of(channel) == found
    assert known.have(channel) == is_known
    assert known.contradict(channel) == (not is_known)


@pytest.mark.parametrize("known", [KnownChannels([]), KnownChannels([("fr", "", False)])])
def test_without_any_stored_id_nothing_can_be_contradicted(known: KnownChannels) -> None:
    for channel in (NamedChannel("fr", "1"), NamedChannel("new", "9"), NamedChannel("new"), NamedChannel("")):
        assert not known.contradict(channel)
        assert known.slug_of(channel) == channel.slug
