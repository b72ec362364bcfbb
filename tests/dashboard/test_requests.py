"""Refunds and captures that staff request on the page: through Saleor, of the amount typed, and once."""

import json
import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from requests.structures import CaseInsensitiveDict

from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.gateway import refunds
from saleor_stripe_audience.gateway.objects import Refund
from saleor_stripe_audience.network import Answer
from saleor_stripe_audience.payments import staff_requests
from saleor_stripe_audience.payments.models import ActionRequest, Payment, StaffRequest
from saleor_stripe_audience.saleor import client as client_of_saleor
from saleor_stripe_audience.saleor import http
from saleor_stripe_audience.saleor.client import TransactionAmounts
from saleor_stripe_audience.shops.models import Installation
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import a_payment
from tests.payments.conftest import stripe_sandbox, stripe_url
from tests.payments.test_ledger import ask
from tests.payments.test_reporting import Town, town

__all__ = ["stripe_sandbox", "stripe_url", "town"]


class Staff:
    """A staff member with the payment's page open."""

    def __init__(self, town: Town) -> None:
        self.town, self.client = town, Client(enforce_csrf_checks=True)
        app = town.shop.app("saleor.app.stripe-audience")
        assert app is not None
        self.headers = {
            "Authorization": f"Bearer {town.shop.dashboard_token(app)}",
            "Saleor-Api-Url": town.shop.api_url,
        }

    @property
    def path(self) -> str:
        return f"/dashboard/payments/{Payment.objects.get().pk}"

    def look(self) -> str:
        answer = self.client.get(self.path, headers=self.headers)
        assert answer.status_code == 200
        return answer.content.decode()

    def form(self, name: str) -> dict[str, str]:
        """Return the fields of a form on the page."""
        [html] = re.findall(rf'<form id="{name}".*?</form>', self.look(), re.DOTALL)
        return dict(re.findall(r'name="(\w+)"(?: inputmode="decimal")? value="([^"]*)"', html))

    def post(self, fields: dict[str, str]) -> tuple[int, str]:
        answer = self.client.post(f"{self.path}/request", fields, headers=self.headers)
        return answer.status_code, answer.content.decode()

    def send(self, fields: dict[str, str]) -> tuple[int, str]:
        """Send the form, and let Saleor carry out what was requested."""
        found = self.post(fields)
        self.town.shop.drain()
        return found


@pytest.fixture
def staff(town: Town) -> Staff:
    town.begin()
    town.pay()
    town.deliver_all(town.events())
    return Staff(town)


def test_a_refund_goes_through_saleor_once(staff: Staff) -> None:
    total = staff.town.total()
    fields = staff.form("refund")
    assert float(fields["amount"]) == total
    fields |= {"amount": "5,00", "reason": "Came broken"}
    for _ in range(3):
        status, text = staff.send(fields)
        assert status == 200
        assert "Requested: 5.00" in text
    assert staff.town.amounts() == (total - 5, 0, 5, 0)
    [refund] = staff.town.stripe.account.table("refund").values()
    assert (refund["amount"], refund["metadata"]["saleor_reason"]) == (500, "Came broken")
    assert Payment.objects.get().refunded_minor == 500
    text = staff.look()
    for expected in ("Partially refunded", "Refund requested", "Came broken", f'value="{total - 5:.2f}"'):
        assert expected in text
    assert staff.send(staff.form("refund") | {"amount": "2"})[0] == 200
    assert staff.town.amounts() == (total - 7, 0, 7, 0)


def test_what_is_held_is_captured(town: Town) -> None:
    town.begin("AUTHORIZATION")
    town.pay()
    town.deliver_all(town.events())
    staff = Staff(town)
    status, text = staff.send(staff.form("capture") | {"amount": "4"})
    assert (status, "Requested: 4.00" in text) == (200, True)
    assert town.amounts()[0] == 4
    assert "Capture requested" in staff.look()


@pytest.mark.parametrize("amount", ["", "0", "-1", "x", "1e400", "1,234", "9999999.00", "0.001", "NaN"])
def test_an_amount_that_cannot_be_refunded_moves_nothing(staff: Staff, amount: str) -> None:
    status, text = staff.send(staff.form("refund") | {"amount": amount})
    assert status == 422
    assert 'class="note bad"' in re.findall(r'<form id="refund".*?</form>', text, re.DOTALL)[0]
    assert staff.town.amounts()[2] == 0
    assert not StaffRequest.objects.exists()
    assert staff.town.reported("REFUND_REQUEST") == []


@pytest.mark.parametrize(
    "broken", [{"key": "x"}, {"key": ""}, {"kind": "CANCEL"}, {"kind": ""}, {"seen": ""}]
)
def test_an_incomplete_form_moves_nothing(staff: Staff, broken: dict[str, str]) -> None:
    status, text = staff.send(staff.form("refund") | broken)
    assert (status, "incomplete" in text) == (422, True)
    assert staff.town.reported("REFUND_REQUEST") == []


# ---- what is unknown, refused or in progress ----


class Saleor:
    """As much of Saleor as a request needs; `failures` are raised one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> None:
        self.requests: list[tuple[Any, ...]] = []
        self.failures = list(failures)
        amounts = TransactionAmounts(charged=Decimal("1234.50"), authorized=Decimal(0))
        monkeypatch.setattr(staff_requests, "fetch_transaction_amounts", lambda *_: amounts)
        monkeypatch.setattr(staff_requests, "request_transaction_action", self.take)

    def take(self, *request: Any) -> None:
        self.requests.append(request[1:])
        if self.failures:
            raise self.failures.pop(0)


def refund(
    client: Client, shop: Shop, payment: Payment, key: uuid.UUID, amount: str = "5"
) -> tuple[int, str]:
    before = StaffRequest.objects.filter(payment=payment).exclude(key=key).count()
    seen = f"{before}:{payment.refunded_minor}"
    fields = {"key": str(key), "kind": "REFUND", "amount": amount, "seen": seen}
    answer = client.post(f"/dashboard/payments/{payment.pk}/request", fields, headers=shop.headers())
    return answer.status_code, answer.content.decode()


def test_without_an_answer_from_saleor_nothing_is_sent_again(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch, Unavailable("Saleor did not answer."))
    payment, key = a_payment(shop.installation), uuid.uuid4()
    assert refund(client, shop, payment, key)[0] == 422
    status, text = refund(client, shop, payment, key)
    assert (status, "It is not known whether Saleor accepted this request." in text) == (422, True)
    status, text = refund(client, shop, payment, uuid.uuid4())
    assert (status, "Another request for this payment is in progress." in text) == (422, True)
    assert len(saleor.requests) == 1
    assert "Unknown whether Saleor accepted it" in text


def test_what_saleor_refused_may_be_sent_again(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch, Rejected("Saleor refused: no app."))
    payment, key = a_payment(shop.installation), uuid.uuid4()
    status, text = refund(client, shop, payment, key)
    assert (status, "Saleor refused: no app." in text) == (422, True)
    assert refund(client, shop, payment, key)[0] == 200
    assert len(saleor.requests) == 2


def test_a_second_person_waits_for_the_first(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch)
    payment = a_payment(shop.installation)
    assert refund(client, shop, payment, uuid.uuid4())[0] == 200
    assert refund(client, shop, payment, uuid.uuid4())[0] == 422
    assert "5.00 USD was requested and is being processed." in refund(client, shop, payment, uuid.uuid4())[1]
    request = ActionRequest.objects.create(
        installation=shop.installation,
        transaction_id=payment.transaction_id,
        kind="REFUND",
        key="1",
        body="1",
        answer={"pspReference": "re_1"},
    )
    assert refund(client, shop, payment, uuid.uuid4())[0] == 422, "it is not answered yet"
    ActionRequest.objects.filter(pk=request.pk).update(answered_at=request.created_at)
    assert refund(client, shop, payment, uuid.uuid4())[0] == 200
    assert len(saleor.requests) == 2


def test_what_stripe_left_unclear_is_requested_again_and_refunded_once(staff: Staff) -> None:
    staff.town.stripe.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)
    for requests in (1, 2):
        assert staff.send(staff.form("refund") | {"amount": "5"})[0] == 200
        assert len(staff.town.reported("REFUND_REQUEST")) == requests
    assert staff.town.amounts()[2] == 5
    assert len(staff.town.stripe.account.table("refund")) == 1


@pytest.mark.parametrize(("seconds", "waits"), [(30, True), (90, False)])
def test_a_request_that_was_interrupted_is_not_waited_for(staff: Staff, seconds: int, waits: bool) -> None:
    """The app's process ended while Stripe carried it out: the result is only reported."""
    staff.send(staff.form("refund") | {"amount": "5"})
    begin = timezone.now() - timedelta(seconds=seconds)
    StaffRequest.objects.update(created_at=begin)
    ActionRequest.objects.update(created_at=begin, answer=None, answered_at=None)
    assert ("5.00 USD was requested and is being processed." in staff.look()) == waits
    assert ("Refund this amount" in staff.look()) != waits


def test_a_form_that_was_opened_before_another_request_is_refused(staff: Staff) -> None:
    mine, theirs = staff.form("refund") | {"amount": "5"}, staff.form("refund") | {"amount": "5"}
    assert staff.send(theirs)[0] == 200
    status, text = staff.send(mine)
    assert (status, "since you opened it" in text) == (422, True)
    assert staff.town.amounts()[2] == 5
    assert staff.send(theirs)[0] == 200, "the same form is the same request"
    assert staff.send(staff.form("refund") | {"amount": "5"})[0] == 200
    assert staff.town.amounts()[2] == 10


@pytest.mark.parametrize("place", ["Saleor", "Stripe"])
def test_a_form_that_was_opened_before_a_refund_elsewhere_is_refused(staff: Staff, place: str) -> None:
    mine = staff.form("refund") | {"amount": "5"}
    if place == "Saleor":
        ask(staff.town, "REFUND", 5)
    else:
        staff.town.api.refunds.create({"payment_intent": staff.town.intent, "amount": 500})
        staff.town.deliver_all(staff.town.events())
    status, text = staff.send(mine)
    assert (status, "since you opened it" in text) == (422, True)
    assert staff.town.amounts()[2] == 5


def test_a_form_is_refused_while_a_refund_in_saleor_is_being_carried_out(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = staff.form("refund") | {"amount": "5"}
    create, answers = refunds.create, list[tuple[int, str]]()

    def send_meanwhile(*arguments: Any) -> Refund:
        monkeypatch.setattr(refunds, "create", create)
        answers.append(staff.post(mine))
        return create(*arguments)

    monkeypatch.setattr(refunds, "create", send_meanwhile)
    ask(staff.town, "REFUND", 5)
    [(status, text)] = answers
    assert (status, "Another request for this payment is in progress." in text) == (422, True)
    assert staff.town.amounts()[2] == 5
    assert staff.send(staff.form("refund") | {"amount": "5"})[0] == 200
    assert staff.town.amounts()[2] == 10


def test_a_refusal_is_shown_even_if_nothing_is_left(staff: Staff) -> None:
    mine = staff.form("refund")
    ask(staff.town, "REFUND", staff.town.total())
    status, text = staff.send(mine)
    assert (status, 'class="note bad"' in text) == (422, True)
    assert "Saleor says that at most 0.00" in text


def test_who_may_not_handle_payments_or_has_another_shop_requests_nothing(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch)
    payment = a_payment(shop.installation)
    path, fields = (
        f"/dashboard/payments/{payment.pk}/request",
        {"key": str(uuid.uuid4()), "kind": "REFUND", "seen": "0"},
    )
    headers = shop.headers(user_permissions=["MANAGE_APPS", "MANAGE_USERS"])
    assert client.post(path, fields | {"amount": "5"}, headers=headers).status_code == 403
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    assert client.post(path, fields | {"amount": "5"}, headers=other.headers()).status_code == 404
    assert client.get(path, headers=shop.headers()).status_code == 405
    assert saleor.requests == []


def test_a_reason_is_asked_for_only_where_saleor_takes_one(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation)
    path = f"/dashboard/payments/{payment.pk}"
    assert 'name="reason"' in client.get(path, headers=shop.headers()).content.decode()
    Installation.objects.update(schema_version="3.21")
    assert 'name="reason"' not in client.get(path, headers=shop.headers()).content.decode()


@pytest.mark.parametrize(
    ("changed", "forms"),
    [
        ({}, ["refund"]),
        ({"refunded_minor": 123_450}, []),
        ({"status": "requires_capture", "captured_minor": 0}, ["capture"]),
        ({"status": "requires_payment_method", "captured_minor": 0}, []),
    ],
)
def test_only_what_can_be_done_is_offered(
    shop: Shop, client: Client, changed: dict[str, Any], forms: list[str]
) -> None:
    payment = a_payment(shop.installation, **changed)
    text = client.get(f"/dashboard/payments/{payment.pk}", headers=shop.headers()).content.decode()
    assert re.findall(r'<form id="(\w+)"', text) == forms


def test_a_form_that_was_sent_is_not_another_amount(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch)
    payment, key = a_payment(shop.installation), uuid.uuid4()
    assert refund(client, shop, payment, key)[0] == 200
    status, text = refund(client, shop, payment, key, "7")
    assert (status, "This form was already sent with 5.00 USD." in text) == (422, True)
    assert len(saleor.requests) == 1


def test_a_double_click_is_not_confirmed_before_saleor_has_answered(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    saleor = Saleor(monkeypatch)
    payment, key = a_payment(shop.installation), uuid.uuid4()
    second: list[int] = []

    def take(*request: Any) -> None:
        saleor.take(*request)
        second.append(refund(client, shop, payment, key)[0])

    monkeypatch.setattr(staff_requests, "request_transaction_action", take)
    assert refund(client, shop, payment, key)[0] == 200
    assert second == [422]
    assert len(saleor.requests) == 1


@pytest.mark.parametrize(("path", "is_known"), [(["transactionRequestAction"], False), (None, True)])
def test_what_saleor_failed_at_may_have_been_carried_out(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, path: list[str] | None, is_known: bool
) -> None:
    Saleor(monkeypatch)
    error = {"message": "Internal Server Error"} | ({"path": path} if path else {})
    body = json.dumps({"data": None, "errors": [error]}).encode()
    sent: list[dict[str, Any]] = []

    def call(*_: Any, **fields: Any) -> Answer:
        sent.append(fields["json"])
        return Answer(200, CaseInsensitiveDict(), body)

    monkeypatch.setattr(
        staff_requests, "request_transaction_action", client_of_saleor.request_transaction_action
    )
    monkeypatch.setattr(http, "call", call)
    payment, key = a_payment(shop.installation), uuid.uuid4()
    assert refund(client, shop, payment, key)[0] == 422
    assert StaffRequest.objects.exists() is not is_known
    assert refund(client, shop, payment, key)[0] == 422
    assert len(sent) == (2 if is_known else 1)


@pytest.mark.parametrize(
    "typed", ["1234.5", "1234,50", "1 234,50", "1\u202f234,50", "1\xa0234.50", " 1234.50 "]
)
def test_an_amount_may_be_typed_as_the_page_shows_it(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    saleor = Saleor(monkeypatch)
    assert refund(client, shop, a_payment(shop.installation), uuid.uuid4(), typed)[0] == 200
    assert [str(request[2]) for request in saleor.requests] == ["1234.50"]


@pytest.mark.parametrize("typed", ["1,234", "1.234", "1 23", "12 34,5", "1,2,3", "1.2.3", "1 234 5"])
def test_an_amount_that_could_mean_two_things_is_refused(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    saleor = Saleor(monkeypatch)
    assert refund(client, shop, a_payment(shop.installation), uuid.uuid4(), typed)[0] == 422
    assert saleor.requests == []


def test_only_the_rest_of_a_hold_is_offered(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation, status="requires_capture", captured_minor=100_000)
    text = client.get(f"/dashboard/payments/{payment.pk}", headers=shop.headers()).content.decode()
    [form] = re.findall(r'<form id="capture".*?</form>', text, re.DOTALL)
    assert 'value="234.50"' in form
