"""The export of a person's data, and the operator's commands for it."""

import json
from uuid import uuid4

import pytest

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.privacy import erasure, subject
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import metadata as names
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.engine import dispatch, record
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.payments import attempts
from saleor_stripe_audience.payments.models import Attempt, StaffRequest
from saleor_stripe_audience.shops.models import Installation
from tests.audience.conftest import install
from tests.audience.histories import at, member, order, say
from tests.audience.records import record_customer, record_order
from tests.dashboard.rows import a_payment

ADA = "ada@shop.example"
NEW = "ada.new@shop.example"


@pytest.fixture
def known(shop: Installation) -> Installation:
    record("saleor", shop.pk, "1", "order_created", {"order": order("1", user=member(7))}, at(1))
    dispatch(Event.objects.get().pk)
    record_customer(shop, member(7, NEW, firstName="Augusta"), at(2))
    say(Contact.objects.get(), "given", at(2))
    record_order(shop, order("2", email="other@shop.example"), at(3))
    return shop


@pytest.mark.parametrize("email", [ADA, NEW, "ADA.new@shop.example"])
def test_all_stored_data_is_exported_and_nothing_of_others(known: Installation, email: str) -> None:
    data = subject.export(known, email)
    [contact] = data["contacts"]
    assert (contact["email"], contact["first_name"], contact["status"]) == (NEW, "Augusta", "subscribed")
    assert contact["consents"][0]["wording"] == "News by mail, please."
    assert contact["purchases"][0]["lines"][0]["product_name"] == "Monospace Tee"
    assert contact["spent"][0]["spent_minor"] == 3000
    assert contact["former_addresses"][0]["email"] == ADA
    assert [event["kind"] for event in data["events"]] == ["order_created"]
    assert json.loads(json.dumps(data)) == data
    assert "other@shop.example" not in json.dumps(data)


def test_who_took_over_a_former_address_gets_nothing_of_who_had_it_before(known: Installation) -> None:
    record_customer(known, member(8, ADA, firstName="Grace"), at(4))
    [contact] = subject.export(known, ADA)["contacts"]
    assert contact["first_name"] == "Grace"
    [contact] = subject.export(known, NEW)["contacts"]
    assert contact["first_name"] == "Augusta"


def test_the_same_persons_contacts_of_all_audiences_are_exported(known: Installation) -> None:
    other = Audience.objects.create(installation=known, name="News")
    account = Contact.objects.get(email=NEW).saleor_user_id
    Contact.objects.create(audience=other, email="third@shop.example", saleor_user_id=account)
    assert {each["email"] for each in subject.export(known, NEW)["contacts"]} == {NEW, "third@shop.example"}


def test_every_relation_of_a_contact_is_exported(known: Installation) -> None:
    """Relations that are added to contacts in the future must be exported too."""
    [contact] = subject.export(known, ADA)["contacts"]
    filled = {"consents", "purchases", "spent", "former_addresses"}
    accessors = {relation.get_accessor_name() for relation in Contact._meta.related_objects}
    assert filled <= accessors
    assert {name for name in contact if name in accessors} == filled


def test_nothing_is_exported_for_a_stranger_or_from_another_shop(known: Installation) -> None:
    other = install("other.example")
    for shop, email in ((known, "stranger@shop.example"), (other, ADA)):
        assert subject.export(shop, email) == {
            "address": email, "is_erased": False, "contacts": [], "events": [],
        }  # fmt: skip
    with pytest.raises(Rejected):
        subject.export(known, "nobody")


def test_after_an_erasure_only_the_erasure_is_exported(known: Installation) -> None:
    erasure.erase(known, ADA)
    assert subject.export(known, ADA) == {"address": ADA, "is_erased": True, "contacts": [], "events": []}


# The operator's commands


def test_an_operator_exports_erases_and_finds_the_receipt(
    known: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = ["--saleor-api-url", known.saleor_api_url]
    assert main(["export-subject", *shop, "--email", ADA]) == 0
    assert json.loads(capsys.readouterr().out)["contacts"][0]["email"] == NEW

    assert main(["erase", *shop, "--email", ADA, "--actor", "Jo"]) == 0
    receipt = json.loads(capsys.readouterr().out)
    assert receipt["erased"]["Contact"] == 1
    assert main(["erase", *shop, "--email", NEW, "--receipts"]) == 0
    assert json.loads(capsys.readouterr().out) == [receipt]

    assert main(["erase", *shop, "--email", ADA, "--readmit"]) == 0
    assert json.loads(capsys.readouterr().out) == {"readmitted": True}
    assert not erasure.is_erased(known, ADA)


@pytest.mark.parametrize("command", ["erase", "export-subject"])
def test_an_invalid_address_is_reported_on_one_line(
    known: Installation, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--saleor-api-url", known.saleor_api_url, "--email", "nobody"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.strip().splitlines()) == 1


def test_an_operator_creates_and_revokes_a_storefront_key(
    shop: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    of_shop = ["storefront-key", "--saleor-api-url", shop.saleor_api_url]
    assert main([*of_shop, "--origin", "https://Shop.example.com/"]) == 0
    key = capsys.readouterr().out.strip()
    found = storefront.find_key(key)
    assert found is not None
    assert found.origins == ["https://shop.example.com"]
    assert main([*of_shop, "--revoke", key]) == 0
    assert storefront.find_key(key) is None
    assert main([*of_shop, "--revoke", "ssp_other"]) == 1
    assert main(of_shop) == 1


# What staff wrote about the person's payments


def a_refund(shop: Installation, source_id: str, reason: str) -> StaffRequest:
    payment = a_payment(shop, source_id=source_id)
    return StaffRequest.objects.create(
        payment=payment,
        key=uuid4(),
        kind="REFUND",
        amount_minor=500,
        reason=reason,
        requested_by="staff@shop.example",
    )


def test_what_staff_wrote_of_a_refund_is_the_customers_to_read_and_to_erase(known: Installation) -> None:
    contact = Contact.objects.get(email=NEW)
    order_id = contact.purchases.get().saleor_order_id
    contact.purchases.update(saleor_checkout_id="checkout-of-ada")
    of_order = a_refund(known, order_id, "Ada moved to Nice")
    of_checkout = a_refund(known, "checkout-of-ada", "Ada was ill")
    strangers = a_refund(known, "of-somebody-else", "Too small")
    in_other_shop = a_refund(install("other.example"), order_id, "Another Ada")

    data = subject.export(known, ADA)
    assert [(each["source"], each["amount"], each["reason"]) for each in data["refund reasons"]] == [
        (order_id, "5.00 USD", "Ada moved to Nice"),
        ("checkout-of-ada", "5.00 USD", "Ada was ill"),
    ]
    assert "staff@shop.example" not in json.dumps(data)

    assert erasure.erase(known, ADA).erased["refund reasons"] == 2
    reasons = dict(StaffRequest.objects.values_list("pk", "reason"))
    assert reasons == {
        of_order.pk: "",
        of_checkout.pk: "",
        strangers.pk: "Too small",
        in_other_shop.pk: "Another Ada",
    }
    assert "refund reasons" not in subject.export(known, ADA)


# What was sent to Stripe to start a payment


def test_requests_to_stripe_are_the_customers_to_read_without_the_apps_proof(known: Installation) -> None:
    contact = Contact.objects.get(email=NEW)
    contact.purchases.update(saleor_checkout_id="checkout-of-ada")
    account = StripeAccount.objects.create(
        installation=known,
        name="A",
        publishable_key="pk",
        secret_key="sk",
        stripe_id="acct_1",
        livemode=False,
    )
    for source in ("checkout-of-ada", "of-somebody-else"):
        params = {"amount": 500, "currency": "usd", "receipt_email": ADA, "metadata": {names.SOURCE: source}}
        attempts.store(known, account, f"transaction of {source}", "key", params)

    [request] = subject.export(known, ADA)["requests to Stripe"]
    assert request["transaction"] == "transaction of checkout-of-ada"
    assert request["request"] == {"amount": 500, "currency": "usd", "receipt_email": ADA}
    assert "requests to Stripe" not in erasure.erase(known, ADA).erased
    assert Attempt.objects.count() == 2, "a repeat needs it as it is; it is deleted after two days"
