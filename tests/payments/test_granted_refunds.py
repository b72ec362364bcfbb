"""Refunds that staff granted on an order: each is paid once, and Saleor knows what became of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from saleor_stripe_audience.payments import records
from saleor_stripe_audience.payments.models import ActionRequest
from tests.conftest import Work

from .test_covering import complete
from .test_ledger import lose_answer
from .test_reporting import Town, town  # noqa: F401 - a fixture

Json = dict[str, Any]

GRANT = """mutation($order: ID!, $transaction: ID!, $amount: Decimal) {
  orderGrantRefundCreate(id: $order, input: {amount: $amount, reason: "Broken", transactionId: $transaction}) {
    grantedRefund { id } errors { code } } }"""
REQUEST = """mutation($grant: ID!) {
  transactionRequestRefundForGrantedRefund(grantedRefundId: $grant) { errors { code } } }"""
STATUS = "query($order: ID!) { order(id: $order) { grantedRefunds { id status } } }"
REFUSED = {"error": {"type": "invalid_request_error", "message": "Not now."}}


class Grants:
    """A paid order on which staff grant refunds."""

    def __init__(self, town: Town) -> None:  # noqa: F811 - the fixture
        town.begin()
        town.pay()
        town.deliver_all(town.events())
        complete(town)
        town.shop.drain()
        self.town = town
        transaction = next(each for each in town.shop.host.store.transactions if each.id == town.transaction)
        assert transaction.order is not None
        self.order = transaction.order.id

    def ask(self, query: str, **variables: Any) -> Json:
        data: Json = self.town.shop.gql(query, variables, self.town.shop.staff_token())
        return data

    def grant(self, amount: int = 5) -> str:
        made = self.ask(GRANT, order=self.order, transaction=self.town.transaction, amount=amount)
        granted: str = made["orderGrantRefundCreate"]["grantedRefund"]["id"]
        return granted

    def request(self, granted: str) -> list[str]:
        """Return the codes with which Saleor refuses to request it."""
        made = self.ask(REQUEST, grant=granted)["transactionRequestRefundForGrantedRefund"]
        self.town.shop.drain()
        return [each["code"] for each in made["errors"]]

    def status(self, granted: str) -> str:
        held = self.ask(STATUS, order=self.order)["order"]["grantedRefunds"]
        return {each["id"]: str(each["status"]) for each in held}[granted]

    def refunded(self) -> list[int]:
        return [each["amount"] for each in self.town.stripe.account.table("refund").values()]

    def leave_unclear(self) -> None:
        """Let Stripe carry out the next refund without responding."""
        self.town.stripe.add_fault("POST /v1/refunds", drop_connection=True, after_effect=True, times=2)

    @contextmanager
    def losing_answers(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr("saleor_stripe_audience.sandbox.saleor.payments.settle_action", lose_answer)
            yield


@pytest.fixture
def grants(town: Town) -> Grants:  # noqa: F811 - the fixture
    return Grants(town)


def test_one_is_paid_with_its_reason_and_only_once(grants: Grants) -> None:
    granted = grants.grant()
    assert (grants.request(granted), grants.status(granted)) == ([], "SUCCESS")
    [refund] = grants.town.stripe.account.table("refund").values()
    assert refund["metadata"]["saleor_reason"] == "Broken"
    assert grants.request(granted) == ["REFUND_ALREADY_PROCESSED"]
    assert grants.town.amounts()[2] == 5


def test_a_refused_one_may_be_requested_until_it_is_paid(grants: Grants) -> None:
    granted, another = grants.grant(), grants.grant()
    grants.town.stripe.add_fault("POST /v1/refunds", status=400, body=REFUSED, times=4)
    for each in (granted, granted, another, another):
        assert (grants.request(each), grants.status(each)) == ([], "FAILURE")
    for each in (granted, another):
        assert (grants.request(each), grants.status(each)) == ([], "SUCCESS")
    assert grants.refunded() == [500, 500]


def test_stripes_event_may_overtake_the_response(grants: Grants, monkeypatch: pytest.MonkeyPatch) -> None:
    save = records.save

    def overtake(*arguments: Any) -> None:
        monkeypatch.setattr(records, "save", save)
        grants.town.deliver_all(grants.town.events())
        save(*arguments)

    monkeypatch.setattr(records, "save", overtake)
    granted = grants.grant()
    assert (grants.request(granted), grants.status(granted)) == ([], "SUCCESS")


def test_an_unclear_one_that_stripe_reports_is_not_paid_again(grants: Grants) -> None:
    """Saleor connects the refund with it only by the response to its request."""
    granted = grants.grant()
    grants.leave_unclear()
    assert (grants.request(granted), grants.status(granted)) == ([], "FAILURE")
    grants.town.deliver_all(grants.town.events())
    assert (grants.request(granted), grants.status(granted)) == ([], "FAILURE")
    assert (grants.refunded(), grants.town.amounts()[2]) == ([500], 5)


def test_an_unclear_one_succeeds_when_it_is_requested_again(grants: Grants) -> None:
    granted = grants.grant()
    grants.leave_unclear()
    grants.request(granted)
    assert (grants.request(granted), grants.status(granted)) == ([], "SUCCESS")
    grants.town.deliver_all(grants.town.events())
    assert grants.town.amounts()[2] == 5
    assert grants.refunded() == [500]


def test_an_unclear_one_that_fails_in_the_end_may_be_requested_again(grants: Grants) -> None:
    granted = grants.grant()
    grants.leave_unclear()
    grants.request(granted)
    grants.town.deliver_all(grants.town.events())
    [refund] = grants.town.stripe.account.table("refund")
    grants.town.stripe.end_refund(refund, ok=False)
    grants.town.deliver_all(grants.town.events())
    assert (grants.status(granted), grants.town.amounts()[2]) == ("FAILURE", 0)
    assert (grants.request(granted), grants.status(granted)) == ([], "SUCCESS")
    assert grants.town.amounts()[2] == 5


def test_one_of_which_saleor_lost_the_answer_is_not_paid_again(
    grants: Grants, monkeypatch: pytest.MonkeyPatch, run_all_tasks: Work
) -> None:
    """Saleor cannot connect the refund that is reported later with it, and lets staff request it again."""
    granted = grants.grant()
    with grants.losing_answers(monkeypatch):
        grants.request(granted)
    grants.town.deliver_all(grants.town.events())
    long_ago = timezone.now() - timedelta(minutes=2)
    ActionRequest.objects.update(created_at=long_ago, answered_at=long_ago)
    run_all_tasks()
    assert (grants.status(granted), grants.town.amounts()[2]) == ("FAILURE", 5)
    assert (grants.request(granted), grants.status(granted)) == ([], "FAILURE")
    messages = [each["message"] for each in grants.town.reported("REFUND_FAILURE")]
    assert any("already paid" in each for each in messages)
    assert grants.refunded() == [500]
