"""The consent contract: what metadata of orders and accounts means, and what it does not."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.audience.consent import choices, confirmation, wordings
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.signup.metadata import report_problem
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.shops.models import Installation, Problem
from tests.audience.histories import BEGINNING, at, member, order, say
from tests.audience.records import record_account_consent, record_customer, record_order, record_order_consent

TEXT = "Send me news by email."
TICKED = {"marketing_consent": "true"}
DAY = 86_400


@pytest.fixture
def audience(shop: Installation) -> Audience:
    record_order(shop, order("0", email="before@shop.example"), at(0))
    Contact.objects.all().delete()
    Purchase.objects.all().delete()
    return change_audience(Audience.objects.get(), AudienceSettings("News", consent_text=TEXT))


def signed_in(shop: Installation, step: int = 1, number: str = "1", **values: str) -> None:
    """Record the order of a customer with a confirmed account."""
    say_of_order(shop, at(step), values, number)


def say_of_order(
    shop: Installation,
    issued_at: datetime,
    values: dict[str, str],
    number: str = "1",
    placed_at: datetime = BEGINNING,
) -> None:
    """Record an event of an order that a confirmed account placed."""
    payload = order(number, user=member(7)) | {
        "created": placed_at.isoformat(),
        "metadata": metadata(**values),
    }
    record_order(shop, payload, issued_at)
    record_order_consent(shop, payload, issued_at)


def metadata(**values: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def bought(
    shop: Installation,
    step: int = 1,
    number: str = "1",
    account: dict[str, Any] | None = None,
    **values: str,
) -> None:
    """Record a guest's order, which Saleor assigned to the `account` with the address."""
    payload = order(number, user=account, signed_in=False) | {"metadata": metadata(**values)}
    record_order(shop, payload, at(step))
    record_order_consent(shop, payload, at(step))


def signed_up(shop: Installation, step: int = 1, *, is_confirmed: bool = True, **values: str) -> None:
    payload = member(7, isConfirmed=is_confirmed, metadata=metadata(**values))
    record_customer(shop, payload, at(step))
    record_account_consent(shop, payload, at(step))


def test_a_ticked_box_at_the_checkout_subscribes_with_proof(shop: Installation, audience: Audience) -> None:
    wordings.add(audience, "Yes to news!")
    bought(
        shop,
        marketing_consent="true",
        consent_at="2024-10-31T10:00:00+02:00",
        consent_text="Yes to news!",
        consent_source="checkout page",
        consent_ip="203.0.113.9",
        utm_source="x",
    )
    kept = Consent.objects.get()
    assert (kept.kind, kept.source, kept.source_detail, kept.reference) == (
        "given", "checkout", "checkout page", order("1")["id"],
    )  # fmt: skip
    assert (kept.at.isoformat(), kept.ip) == ("2024-10-31T08:00:00+00:00", "203.0.113.9")
    assert kept.wording is not None
    assert (kept.wording.text, kept.wording_origin) == ("Yes to news!", "sent")
    assert Contact.objects.get().status == "subscribed"


def test_the_time_and_wording_default_to_the_orders_and_the_audiences(
    shop: Installation, audience: Audience
) -> None:
    bought(shop, marketing_consent="yes")
    kept = Consent.objects.get()
    assert (kept.at, kept.wording and kept.wording.text) == (BEGINNING, TEXT)
    assert kept.wording_origin == "audience"


@pytest.mark.parametrize(
    "value",
    ["withdrawn", "Withdrawn.", "unsubscribed", "opted_out", "Opt-out", "revoked", "De\u0301sabonne\u0301"],
)
def test_a_word_for_a_withdrawal_withdraws(shop: Installation, audience: Audience, value: str) -> None:
    signed_up(shop, 1, marketing_consent="true", consent_at="2024-10-31T10:00:00+02:00")
    signed_up(shop, 2, marketing_consent=value, consent_at="2024-11-02T10:00:00+02:00")
    assert Contact.objects.get().status == "unsubscribed"


@pytest.mark.parametrize("value", ["false", "no", "0", "", "off", "null", "maybe", "<script>"])
def test_an_unticked_box_is_not_a_withdrawal(shop: Installation, audience: Audience, value: str) -> None:
    bought(shop, number="1", marketing_consent="true")
    bought(shop, 5, number="2", marketing_consent=value)
    assert Contact.objects.get().status == "subscribed"
    assert Consent.objects.count() == 1


def test_a_withdrawal_must_be_explicit(shop: Installation, audience: Audience) -> None:
    signed_in(shop, number="1", marketing_consent="true", consent_at="2024-10-01T00:00:00Z")
    signed_in(shop, number="2", marketing_consent="withdrawn", consent_at="2024-10-02T00:00:00Z")
    assert Contact.objects.get().status == "unsubscribed"


@pytest.mark.parametrize("account", [None, member(7)])
def test_a_guest_neither_unsubscribes_nor_resubscribes_anybody(
    shop: Installation, audience: Audience, account: dict[str, Any] | None
) -> None:
    signed_in(shop, number="1", marketing_consent="true")
    bought(
        shop, number="2", account=account, marketing_consent="withdrawn", consent_at="2024-12-01T00:00:00Z"
    )
    assert Contact.objects.get().status == "subscribed"
    say(Contact.objects.get(), "withdrawn", at(9_000_000))
    bought(shop, number="3", account=account, marketing_consent="true", consent_at="2026-01-01T00:00:00Z")
    assert Contact.objects.get().status == "unsubscribed"
    say_of_order(shop, at(9_000_003), TICKED, "4", at(9_000_002))
    assert Contact.objects.get().status == "subscribed"


def test_an_order_that_the_account_did_not_place_itself_is_not_its_act(
    shop: Installation, audience: Audience
) -> None:
    own, staff = member(7), {"id": "VXNlcjo1"}
    histories: list[Any] = [
        None,
        [],
        [{"type": "PLACED", "user": None}],
        [{"type": "PLACED_FROM_DRAFT", "user": staff}, {"type": "NOTE_ADDED", "user": own}],
        [{"type": "PLACED", "user": staff}],
    ]
    ticked = {"metadata": metadata(marketing_consent="true")}
    for number, events in enumerate(histories):
        record_order_consent(shop, order(str(number), user=own) | ticked | {"events": events}, at(number))
    for number, kind in enumerate(("PLACED", "PLACED_AUTOMATICALLY_FROM_PAID_CHECKOUT"), len(histories)):
        events = [{"type": kind, "user": {"id": own["id"]}}]
        record_order_consent(shop, order(str(number), user=own) | ticked | {"events": events}, at(number))
    assert (
        list(Consent.objects.order_by("pk").values_list("is_proven", flat=True)) == [False] * 5 + [True] * 2
    )


@pytest.mark.usefixtures("mail_server")
def test_a_guest_who_had_unsubscribed_must_confirm_by_mail(shop: Installation, audience: Audience) -> None:
    bought(shop, number="1")
    say(Contact.objects.get(), "withdrawn", at(2))
    bought(shop, number="2", marketing_consent="true", consent_at=timezone.now().isoformat())
    asked = ConfirmationMail.objects.get()
    assert asked.consent is not None
    confirmation.confirm(asked.consent)
    assert Contact.objects.get().status == "subscribed"


@pytest.mark.parametrize("is_confirmed", [False, None])
def test_an_account_not_known_to_be_confirmed_counts_as_a_strangers(
    shop: Installation, audience: Audience, is_confirmed: bool | None
) -> None:
    values: dict[str, Any] = {"marketing_consent": "true", "consent_at": "2024-10-01T00:00:00Z"}
    payload = member(7, isConfirmed=is_confirmed, metadata=metadata(**values))
    if is_confirmed is None:
        del payload["isConfirmed"]
    assert record_customer(shop, payload, at(1)) is None
    record_account_consent(shop, payload, at(1))
    assert (Contact.objects.count(), Consent.objects.count()) == (0, 0)


STOCK: dict[str, Any] = {"paper.marketing_opt_in": "true", "paper.marketing_opt_in_at": "2024-10-31T08:00:00Z",
         "paper.marketing_opt_in_source": "checkout"}  # fmt: skip


def test_the_stock_storefronts_box_counts(shop: Installation, audience: Audience) -> None:
    bought(shop, **STOCK)
    kept = Consent.objects.get()
    assert (kept.at.isoformat(), kept.source_detail) == ("2024-10-31T08:00:00+00:00", "checkout")
    assert (kept.wording and kept.wording.text, kept.wording_origin) == (TEXT, "audience")
    assert Contact.objects.get().status == "subscribed"
    bought(shop, 2, **STOCK)
    assert Consent.objects.count() == 1


def test_a_merchants_own_keys_count_for_their_audience(shop: Installation, audience: Audience) -> None:
    values: dict[str, Any] = {
        "newsletter": "yes",
        "newsletter_at": "2024-10-31T08:00:00Z",
        "newsletter_text": TEXT,
    }
    bought(shop, number="1", **values)
    assert Consent.objects.count() == 0
    change_audience(audience, AudienceSettings("News", consent_text=TEXT, consent_keys=("newsletter",)))
    bought(shop, number="2", **values)
    kept = Consent.objects.get()
    assert (kept.at.isoformat(), kept.wording_origin) == ("2024-10-31T08:00:00+00:00", "sent")


@pytest.mark.parametrize("unticked", ["false", "", "no"])
def test_the_stock_storefronts_empty_box_says_nothing(
    shop: Installation, audience: Audience, unticked: str
) -> None:
    bought(shop, **STOCK | {"paper.marketing_opt_in": unticked})
    assert Consent.objects.count() == 0


def test_without_a_wording_the_audiences_text_of_that_time_is_the_proof(
    shop: Installation, audience: Audience
) -> None:
    change_audience(audience, AudienceSettings("News", consent_text="Another text."))
    between = timezone.now()
    change_audience(audience, AudienceSettings("News", consent_text="A third text."))
    bought(shop, number="1", marketing_consent="true", consent_at=between.isoformat())
    bought(shop, number="2", marketing_consent="true", consent_at=timezone.now().isoformat())
    texts = [each.wording.text for each in Consent.objects.order_by("at") if each.wording]
    assert texts == ["Another text.", "A third text."]


@pytest.mark.parametrize("sent", ["URGENT: see https://evil.example/", " ", TEXT + "\n", "Former text."])
def test_only_the_merchants_wordings_prove_consent(shop: Installation, audience: Audience, sent: str) -> None:
    change_audience(audience, AudienceSettings("News", consent_text="Former text."))
    change_audience(audience, AudienceSettings("News", consent_text=TEXT))
    bought(shop, marketing_consent="true", consent_text=sent)
    is_known = "evil" not in sent
    assert Contact.objects.get().status == ("subscribed" if is_known else "pending")
    assert (Consent.objects.get().wording_origin == "unknown") is not is_known
    assert Problem.objects.filter(key=wordings.UNKNOWN_WORDING).exists() is not is_known


def test_a_wording_that_the_merchant_adds_proves_consent_that_is_sent_again(
    shop: Installation, audience: Audience
) -> None:
    for step in (1, 2):
        bought(shop, step, marketing_consent="true", consent_text="Our footer's words.")
        wordings.add(audience, "Our footer's words.")
    assert Contact.objects.get().status == "subscribed"
    assert not Problem.objects.exists()


def test_the_events_of_one_order_count_once_and_a_resync_subscribes_nobody(
    shop: Installation, audience: Audience
) -> None:
    bought(shop, 1, marketing_consent="true")
    say(Contact.objects.get(), "withdrawn", at(2))
    for step in (3, 4, 9000):
        bought(shop, step, marketing_consent="true")
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.count() == 2


def test_a_resync_of_an_account_changes_no_consent(shop: Installation, audience: Audience) -> None:
    values: dict[str, Any] = {"marketing_consent": "true", "consent_at": "2024-10-01T00:00:00Z"}
    signed_up(shop, 1, **values)
    assert Contact.objects.get().status == "subscribed"
    say(Contact.objects.get(), "withdrawn", at(2))
    signed_up(shop, 3, **values)
    assert Contact.objects.get().status == "unsubscribed"
    say(Contact.objects.get(), "given", at(4))
    signed_up(shop, 5, marketing_consent="false")
    assert Contact.objects.get().status == "subscribed"


def test_a_consent_counts_only_once_its_account_is_confirmed(shop: Installation, audience: Audience) -> None:
    values: dict[str, Any] = {"marketing_consent": "true", "consent_at": "2024-10-01T00:00:00Z"}
    signed_up(shop, 1, is_confirmed=False, **values)
    assert (Contact.objects.count(), Consent.objects.count()) == (0, 0)
    signed_up(shop, 2, is_confirmed=True, **values)
    assert Contact.objects.get().status == "subscribed"


def test_an_accounts_consent_needs_its_moment(shop: Installation, audience: Audience) -> None:
    with pytest.raises(Rejected, match="consent_at"):
        signed_up(shop, marketing_consent="true")
    assert Consent.objects.count() == 0


def test_soft_opt_in_is_recorded_as_what_it_is(shop: Installation, audience: Audience) -> None:
    bought(shop, soft_opt_in="true")
    contact = Contact.objects.get()
    assert (contact.status, contact.lawful_basis) == ("nonsubscribed", "soft_opt_in")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"consent_at": "yesterday"}, "consent_at"),
        ({"consent_at": "2024-10-01T00:00:00"}, "consent_at"),
        ({"consent_at": "0001-01-01T00:00:00+14:00"}, "consent_at"),
        ({"consent_ip": "unknown"}, "consent_ip"),
        ({"consent_text": "x" * 10_001}, "consent_text"),
    ],
)
def test_a_consent_that_proves_nothing_names_its_key(
    shop: Installation, audience: Audience, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(Rejected, match=named):
        bought(shop, marketing_consent="true", **values)
    assert (Consent.objects.count(), Contact.objects.get().status) == (0, "nonsubscribed")


@pytest.mark.parametrize(
    "odd",
    [{}, {"consent_at": "soon"}, {"consent_at": "2026-01-01T00:00:00"}, {"consent_at": "0001-01-01T00:00:00+14:00"},
     {"consent_ip": "unknown"}, {"consent_ip": "fe80::1%eth0", "consent_at": "2024-10-03"}],
)  # fmt: skip
def test_a_refusal_is_kept_whatever_else_cannot_be_read(
    shop: Installation, audience: Audience, odd: dict[str, str]
) -> None:
    signed_up(shop, marketing_consent="true", consent_at="2024-10-01T00:00:00Z")
    assert Contact.objects.get().status == "subscribed"
    for step in (2, 3):
        signed_up(shop, step, is_confirmed=True, marketing_consent="withdrawn", **odd)
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_a_refusal_in_one_box_wins_over_a_yes_in_another(shop: Installation, audience: Audience) -> None:
    change_audience(audience, AudienceSettings("News", consent_text=TEXT, consent_keys=("newsletter",)))
    signed_up(
        shop, marketing_consent="true", consent_at="2024-10-01T00:00:00Z", newsletter="withdrawn",
        newsletter_at="2024-09-30T00:00:00Z",
    )  # fmt: skip
    assert [each.kind for each in Consent.objects.all()] == ["withdrawn"]


def test_a_refusal_without_its_time_is_sent_again_and_does_not_undo_a_later_subscription(
    shop: Installation, audience: Audience
) -> None:
    signed_up(shop, marketing_consent="withdrawn")
    choices.subscribe(Contact.objects.get(), TEXT)
    signed_up(shop, 2, marketing_consent="withdrawn")
    assert Contact.objects.get().status == "subscribed"


@pytest.mark.parametrize("odd", [None, [], ["x", None, 3, {}, {"key": 7, "value": None}]])
def test_metadata_of_another_shape_says_nothing(shop: Installation, audience: Audience, odd: Any) -> None:
    payload = order() | {"metadata": odd}
    record_order_consent(shop, payload, at(1))
    assert Consent.objects.count() == 0


def test_a_consent_that_proves_nothing_is_one_problem_however_often_it_is_sent(shop: Installation) -> None:
    for number, kind in enumerate(["order_created", "order_paid", "order_updated"] * 2):
        payload = {"order": order() | {"metadata": metadata(marketing_consent="true")}}
        record("saleor", shop.pk, f"event {number}", kind, payload, at(number))
        dispatch(Event.objects.get(key=f"event {number}").pk)
    assert not Handling.objects.filter(given_up_at__isnull=False).exists()
    problem = Problem.objects.get()
    assert "own text under Audiences" in problem.message
    assert (Purchase.objects.count(), Contact.objects.get().status) == (1, "nonsubscribed")

    change_audience(Audience.objects.get(), AudienceSettings("News", consent_text=TEXT))
    bought(shop, 9, marketing_consent="true")
    assert (Problem.objects.count(), Contact.objects.get().status) == (0, "subscribed")


def test_problems_of_orders_and_accounts_say_which_they_are(shop: Installation, audience: Audience) -> None:
    error = Rejected("No time.", code="consent_at")
    for source in (Consent.Source.CHECKOUT, Consent.Source.ACCOUNT):
        report_problem(shop, source, error)
    starts = [each.message.partition(":")[0] for each in Problem.objects.order_by("key")]
    assert starts == ["Customer accounts", "Orders"]


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ({"consent_at": "soon", "consent_text": TEXT}, "fuseau horaire"),
        ({}, "sans le texte"),
        ({"consent_text": "x" * 10_001}, "10000 caractères"),
        ({"consent_text": TEXT, "consent_ip": "unknown"}, "adresse IP"),
        ({"consent_text": "Words of a stranger"}, "un inconnu"),
    ],
)
def test_the_problem_is_in_the_language_of_staff(
    shop: Installation, settings: Any, consent: dict[str, str], words: str
) -> None:
    settings.STAFF_LANGUAGE = "fr"
    payload = {"order": order() | {"metadata": metadata(marketing_consent="true", **consent)}}
    record("saleor", shop.pk, "event", "order_created", payload, at(1))
    dispatch(Event.objects.get(key="event").pk)
    assert words in Problem.objects.get().message


def test_with_double_opt_in_a_tick_waits_for_its_confirmation(shop: Installation, audience: Audience) -> None:
    Audience.objects.update(double_opt_in=True)
    bought(shop, marketing_consent="true")
    assert Contact.objects.get().status == "pending"


YES: dict[str, Any] = {"marketing_consent": "true", "consent_at": at(20).isoformat()}


def test_a_withdrawal_without_a_time_counts_again_after_a_new_yes(
    shop: Installation, audience: Audience
) -> None:
    signed_up(shop, 10, marketing_consent="withdrawn")
    signed_up(shop, 21, **YES)
    assert Contact.objects.get().status == "subscribed"
    for step in (30, 30, 40):
        signed_up(shop, step, marketing_consent="withdrawn")
    assert Contact.objects.get().status == "unsubscribed"
    withdrawn = Consent.objects.filter(kind="withdrawn").order_by("at")
    assert [each.at for each in withdrawn] == [at(10), at(30)]


@pytest.mark.parametrize("times", [1, 2])
def test_a_withdrawal_that_arrives_after_a_newer_yes_does_not_undo_it(
    shop: Installation, audience: Audience, times: int
) -> None:
    for _ in range(times):
        signed_up(shop, 10, marketing_consent="withdrawn")
        signed_up(shop, 21, **YES)
    signed_up(shop, 10, marketing_consent="withdrawn")
    assert Contact.objects.get().status == "subscribed"
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_a_withdrawal_sent_again_does_not_undo_a_later_subscription_after_a_yes(
    shop: Installation, audience: Audience
) -> None:
    signed_up(shop, 21, **YES)
    signed_up(shop, 30, marketing_consent="withdrawn")
    choices.subscribe(Contact.objects.get(), TEXT)
    signed_up(shop, 100_000_000, marketing_consent="withdrawn")
    assert Contact.objects.get().status == "subscribed"


def test_a_withdrawal_sent_again_adds_nothing_if_the_yes_before_it_arrived_late(
    shop: Installation, audience: Audience
) -> None:
    signed_up(shop, 30, marketing_consent="withdrawn")
    signed_up(shop, 21, **YES)
    assert Contact.objects.get().status == "unsubscribed"
    choices.subscribe(Contact.objects.get(), TEXT)
    for step in (30, 100_000_000):
        signed_up(shop, step, marketing_consent="withdrawn")
    assert Contact.objects.get().status == "subscribed"
    assert Consent.objects.filter(kind="withdrawn").count() == 1


def test_each_box_withdraws_at_its_own_time(shop: Installation, audience: Audience) -> None:
    former: dict[str, Any] = {"marketing_consent": "withdrawn", "consent_at": at(10).isoformat()}
    signed_up(shop, 11, **former)
    signed_up(shop, 21, **YES)
    stock: Any = {"paper.marketing_opt_in": "withdrawn", "paper.marketing_opt_in_at": at(30).isoformat()}
    for step in (31, 32):
        signed_up(shop, step, **former, **stock)
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.filter(kind="withdrawn").count() == 2


def test_a_second_box_without_a_time_withdraws_too(shop: Installation, audience: Audience) -> None:
    signed_up(shop, 21, **YES)
    signed_up(shop, 30, marketing_consent="withdrawn")
    choices.subscribe(Contact.objects.get(), TEXT)
    stock: Any = {"paper.marketing_opt_in": "withdrawn"}
    signed_up(shop, 100_000_000, marketing_consent="withdrawn", **stock)
    assert Contact.objects.get().status == "unsubscribed"


def test_a_withdrawal_in_an_order_without_a_readable_time_counts_from_the_order(
    shop: Installation, audience: Audience
) -> None:
    signed_in(shop, 9, marketing_consent="withdrawn", consent_at="soon")
    assert Consent.objects.get().at == BEGINNING


# What an account's order has long after it was placed


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"consent_at": at(-1).isoformat()},
        {"consent_at": at(3 * DAY - 60).isoformat()},
        {"soft_opt_in": "true"},
    ],
)
@pytest.mark.parametrize("withdrawn_at", [at(-DAY), at(DAY)])
def test_a_box_that_was_not_ticked_when_the_order_was_placed_ends_no_withdrawal(
    shop: Installation, audience: Audience, details: dict[str, str], withdrawn_at: datetime
) -> None:
    say_of_order(shop, at(-2 * DAY), {}, "0", at(-2 * DAY))
    say(Contact.objects.get(), "withdrawn", withdrawn_at)
    say_of_order(shop, at(1), {"soft_opt_in": "true"})
    say_of_order(shop, at(3 * DAY), TICKED | details)
    assert Contact.objects.get().status == "unsubscribed"
    late = Consent.objects.get(kind="given", basis="consent")
    assert (late.is_proven, late.is_late) == (False, True)


def test_what_an_order_had_when_it_was_placed_was_given_before_that_by_any_clock(
    shop: Installation, audience: Audience
) -> None:
    say_of_order(shop, at(-2 * DAY), {}, "0", at(-2 * DAY))
    say(Contact.objects.get(), "withdrawn", at(-DAY))
    ahead = {"consent_at": at(2 * DAY).isoformat()}
    say_of_order(shop, at(1), TICKED | ahead)
    assert Contact.objects.get().status == "subscribed"
    assert Consent.objects.get(kind="given").at == at(0)
    say(Contact.objects.get(), "withdrawn", at(DAY))
    say_of_order(shop, at(3 * DAY), TICKED | ahead)
    assert Contact.objects.get().status == "unsubscribed"
    assert Consent.objects.filter(kind="given").count() == 1


def test_late_events_of_an_order_change_nothing_in_any_order_of_arrival(
    shop: Installation, audience: Audience
) -> None:
    withdrawal = {"marketing_consent": "withdrawn", "consent_at": at(DAY).isoformat()}
    for steps in permutations((1, 2 * DAY, 9 * DAY)):
        Contact.objects.all().delete()
        Purchase.objects.all().delete()
        say_of_order(shop, at(-2 * DAY), {}, "0", at(-2 * DAY))
        say(Contact.objects.get(), "withdrawn", at(-DAY))
        for step in steps:
            say_of_order(shop, at(step), TICKED)
        assert Contact.objects.get().status == "subscribed", steps
        say_of_order(shop, at(10 * DAY), withdrawal)
        assert Contact.objects.get().status == "unsubscribed", steps


def test_an_order_that_is_only_known_later_subscribes_who_never_refused(
    shop: Installation, audience: Audience
) -> None:
    say_of_order(shop, at(9 * DAY), TICKED)
    assert Contact.objects.get().status == "subscribed"
    withdrawal = {"marketing_consent": "withdrawn", "consent_at": at(10 * DAY).isoformat()}
    say_of_order(shop, at(10 * DAY), withdrawal)
    assert Contact.objects.get().status == "unsubscribed"


@pytest.mark.usefixtures("mail_server")
def test_the_owner_is_asked_about_a_late_consent_by_mail(shop: Installation, audience: Audience) -> None:
    now = timezone.now()
    say_of_order(shop, at(-2 * DAY), {}, "0", at(-2 * DAY))
    say(Contact.objects.get(), "withdrawn", at(-DAY))
    say_of_order(shop, now, TICKED, "1", now - timedelta(hours=3))
    assert Contact.objects.get().status == "unsubscribed"
    asked = ConfirmationMail.objects.get().consent
    assert asked is not None
    assert asked.is_late


@pytest.mark.parametrize(
    "key",
    [
        "newsletter_opt_out", "newsletterOptOut", "email_unsubscribed", "no_marketing", "DO_NOT_EMAIL",
        "consent.withdrawn", "marketing-refused", "désinscription", "optout",
    ],
)  # fmt: skip
def test_a_key_that_names_an_opt_out_is_refused(shop: Installation, audience: Audience, key: str) -> None:
    with pytest.raises(Rejected) as refused:
        change_audience(audience, AudienceSettings("News", consent_text=TEXT, consent_keys=("news", key)))
    assert refused.value.code == "consent_keys"
    assert key in refused.value.message


@pytest.mark.parametrize("key", ["newsletter", "exclusive_offers", "notifications", "paper.club", "opt_in"])
def test_a_key_of_a_box_to_tick_is_not(shop: Installation, audience: Audience, key: str) -> None:
    change_audience(audience, AudienceSettings("News", consent_text=TEXT, consent_keys=(key,)))
    ticked: dict[str, Any] = {key: "true"}
    bought(shop, **ticked)
    assert Contact.objects.get().status == "subscribed"
