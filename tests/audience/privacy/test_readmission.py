"""An erased person can subscribe again; nobody else can do it for them."""

import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent import choices, links
from saleor_stripe_audience.audience.consent.models import ConfirmationMail, Consent
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.signup import readmission, storefront
from saleor_stripe_audience.audience.transfer.importing import ImportOptions, import_csv
from saleor_stripe_audience.shops.models import Channel, Installation
from tests.audience.histories import at, member, order, say
from tests.audience.records import record_account_consent, record_customer, record_order, record_order_consent
from tests.conftest import Work

ADA = "ada@shop.example"
Mails = list[EmailMultiAlternatives]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mail_server")]


@pytest.fixture
def erased(shop: Installation) -> list[str]:
    """Erase Ada, a subscriber with an account; return the paths of her old links."""
    Channel.objects.create(installation=shop, slug="default-channel", name="Default", currency="USD")
    record_customer(shop, member(7), at(1))
    change_audience(Audience.objects.get(), AudienceSettings("News", consent_text="Yes, news!"))
    contact = Contact.objects.select_related("audience__installation").get()
    say(contact, "given", at(2))
    made = [urlsplit(link(contact)).path for link in (links.preferences_url, links.unsubscribe_url)]
    erasure.erase(shop, ADA)
    return made


def on_a_page(shop: Installation) -> None:
    storefront.subscribe(shop, "default-channel", ADA, "Yes, news!")


def at_the_checkout(shop: Installation) -> None:
    pairs = [{"key": "paper.marketing_opt_in", "value": "true"},
            {"key": "paper.marketing_opt_in_at", "value": timezone.now().isoformat()}]  # fmt: skip
    record_order_consent(shop, order("5") | {"metadata": pairs}, timezone.now())


def in_an_account(shop: Installation) -> None:
    pairs = [
        {"key": "marketing_consent", "value": "true"},
        {"key": "consent_at", "value": timezone.now().isoformat()},
    ]
    record_account_consent(shop, member(7, metadata=pairs), timezone.now())


WAYS = [on_a_page, at_the_checkout, in_an_account]


def confirmation_path(sent: EmailMultiAlternatives) -> str:
    found = re.search(r"http://\S+/audience/confirm/\S+", str(sent.body))
    assert found
    return urlsplit(found[0]).path


@pytest.mark.parametrize("subscribe", WAYS)
def test_an_erased_person_returns_through_the_mailbox_and_old_links_work(
    shop: Installation, erased: list[str], client: Client, run_due_tasks: Work, mailoutbox: Mails,
    subscribe: Callable[[Installation], None],
) -> None:  # fmt: skip
    subscribe(shop)
    subscribe(shop)
    assert Contact.objects.count() == 0
    run_due_tasks()
    [sent] = mailoutbox
    assert sent.to == [ADA]
    assert "Yes, news!" in str(sent.body)
    assert not ConfirmationMail.objects.exclude(request="").exists()  # only the email has it now

    path = confirmation_path(sent)
    assert client.get(path).status_code == 200
    assert Contact.objects.count() == 0
    assert [client.post(path).status_code for _ in range(2)] == [200, 200]
    assert (Contact.objects.get().email, Contact.objects.get().status) == (ADA, "subscribed")
    assert sorted(Consent.objects.values_list("kind", flat=True)) == ["confirmed", "given"]

    record_customer(shop, member(7, firstName="Ada"), timezone.now())  # her account does not erase her again
    assert Contact.objects.get().status == "subscribed"
    assert b"a\xe2\x80\xa6@shop.example" in client.get(erased[0]).content
    client.post(erased[1])
    assert Contact.objects.get().status == "unsubscribed"


def test_consent_from_before_the_erasure_sends_no_mail(
    shop: Installation, erased: list[str], run_due_tasks: Work, mailoutbox: Mails
) -> None:
    pairs = [{"key": "marketing_consent", "value": "true"}, {"key": "consent_at", "value": at(2).isoformat()}]
    record_account_consent(shop, member(7, metadata=pairs), timezone.now())
    run_due_tasks()
    assert mailoutbox == []


OLD_CONSENT = [
    {"key": "marketing_consent", "value": "true"},
    {"key": "consent_at", "value": at(2).isoformat()},
]


@pytest.mark.parametrize("address", [ADA, "ada.new@shop.example"])
def test_consent_from_before_the_erasure_does_not_return_with_the_account(
    shop: Installation, erased: list[str], address: str
) -> None:
    erasure.readmit(shop, ADA)
    account = member(7, address, metadata=OLD_CONSENT)
    record_customer(shop, account, timezone.now())
    record_account_consent(shop, account, timezone.now())
    assert (Contact.objects.get().email, Contact.objects.get().status) == (address, "nonsubscribed")


def test_consent_from_before_the_erasure_does_not_return_with_an_order(
    shop: Installation, erased: list[str]
) -> None:
    erasure.readmit(shop, ADA)
    payload = order("5", user=member(7)) | {"metadata": OLD_CONSENT}
    record_order(shop, payload, timezone.now())
    record_order_consent(shop, payload, timezone.now())
    assert Contact.objects.get().status == "nonsubscribed"


def test_a_withdrawal_from_before_the_erasure_still_counts(shop: Installation, erased: list[str]) -> None:
    erasure.readmit(shop, ADA)
    account = member(7, metadata=[OLD_CONSENT[0] | {"value": "withdrawn"}, OLD_CONSENT[1]])
    record_customer(shop, account, timezone.now())
    record_account_consent(shop, account, timezone.now())
    assert Contact.objects.get().status == "unsubscribed"


def test_a_link_does_not_subscribe_the_address_that_replaced_its_own(
    shop: Installation, erased: list[str], client: Client, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    on_a_page(shop)
    run_due_tasks()
    erasure.readmit(shop, ADA)
    for address in (ADA, "ada.new@shop.example"):
        record_customer(shop, member(7, address), timezone.now())
    assert client.post(confirmation_path(mailoutbox[0])).status_code == 404
    assert Contact.objects.get().status == "nonsubscribed"


def test_a_link_from_before_another_erasure_readmits_nobody(
    shop: Installation, erased: list[str], client: Client, run_due_tasks: Work, mailoutbox: Mails
) -> None:
    on_a_page(shop)
    run_due_tasks()
    erasure.erase(shop, ADA)
    assert client.post(confirmation_path(mailoutbox[0])).status_code == 404
    assert Contact.objects.count() == 0


def test_a_request_is_deleted_by_an_erasure_and_overnight(shop: Installation, erased: list[str]) -> None:
    on_a_page(shop)
    erasure.erase(shop, ADA)
    assert ConfirmationMail.objects.count() == 0
    on_a_page(shop)
    ConfirmationMail.objects.update(requested_at=timezone.now() - readmission.RETENTION * 2)
    assert readmission.delete_old_requests() == 1


def test_a_stranger_cannot_resubscribe_a_readmitted_person(shop: Installation, erased: list[str]) -> None:
    erasure.readmit(shop, ADA)
    pairs, now = [{"key": "marketing_consent", "value": "true"}], timezone.now()
    record_order(shop, order("6"), now)
    record_order_consent(shop, order("6") | {"metadata": pairs, "created": now.isoformat()}, now)
    assert Contact.objects.get().status == "pending"


@pytest.mark.parametrize("by_file", [False, True])
def test_old_links_unsubscribe_who_is_added_again_by_staff_or_a_file(
    shop: Installation, erased: list[str], client: Client, *, by_file: bool
) -> None:
    erasure.readmit(shop, ADA)
    audience = Audience.objects.get()
    if by_file:
        import_csv(audience, io.BytesIO(f"email\n{ADA}\n".encode()), ImportOptions())
    else:
        actor = staff_actions.Actor(shop, "staff 1")
        staff_actions.create_contact(actor, audience.pk, ADA, staff_actions.Profile())
    choices.subscribe(Contact.objects.get(), "Yes, news!")
    client.post(erased[1])
    assert Contact.objects.get().status == "unsubscribed"


def test_links_that_were_renewed_before_the_erasure_remain_invalid(shop: Installation) -> None:
    record_order(shop, order("1"), at(1))
    first = links.preferences_url(Contact.objects.get())
    links.renew(Contact.objects.get())
    second = links.preferences_url(Contact.objects.get())
    erasure.erase(shop, ADA)
    erasure.readmit(shop, ADA)
    record_order(shop, order("2"), timezone.now())
    found = [links.link_of(url.rstrip("/").rpartition("/")[2]) for url in (first, second)]
    assert [link and link.is_current for link in found] == [False, True]


def test_a_forged_request_readmits_nobody(shop: Installation, erased: list[str], client: Client) -> None:
    for token in ("x", "gAAAAABo", "A" * 200, "%00", erased[0].rpartition("/")[2]):
        assert client.post(f"/audience/confirm/{token}").status_code == 404
    assert Contact.objects.count() == 0


def test_a_strangers_wording_is_not_mailed(
    shop: Installation, erased: list[str], run_due_tasks: Work, mailoutbox: Mails
) -> None:
    storefront.subscribe(shop, "default-channel", ADA, "Click https://evil.example/")
    run_due_tasks()
    assert "evil" not in str(mailoutbox[0].message())


def test_erasing_again_keeps_the_person_out(
    shop: Installation, erased: list[str], client: Client, settings: Any
) -> None:
    erasure.readmit(shop, ADA)
    record_order(shop, order("6"), timezone.now())
    choices.subscribe(Contact.objects.get(), "Yes, news!")
    erasure.erase(shop, ADA)
    record_order(shop, order("7"), timezone.now())
    assert Contact.objects.count() == 0
    assert "We store nothing" in client.get(erased[0]).content.decode()
