"""What is logged: one id from the request to the task, and never a secret or a person."""

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from django.test import Client
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.audience import handlers as audience_handlers
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.logs import logging_settings
from saleor_stripe_audience.payments import create
from saleor_stripe_audience.shops.models import Installation
from tests.payments.conftest import (  # noqa: F401 - fixtures
    APP,
    Buy,
    account,
    buy,
    installation,
    post_signed,
    stripe_sandbox,
    stripe_url,
)

Work = Callable[[], int]
Lines = Callable[[], list[dict[str, Any]]]

PERSON = "pat.marker@example.com"
NAME, STREET, PHONE = "Patricia-Marker", "77 Marker Lane", "+15550009977"
SECRETS = ("shop-token-marker", "sk_test_marker", "whsec_marker", "only-for-tests-0123456789")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return everything that the app's formatter writes, parsed."""
    settings = logging_settings("DEBUG")
    formatter = settings["formatters"]["json"]
    written: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Keeping()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=formatter["foreign_pre_chain"], processors=formatter["processors"]
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written]
    root.removeHandler(handler)


def an_order() -> dict[str, Any]:
    address = {
        "firstName": NAME,
        "lastName": "Doe",
        "streetAddress1": STREET,
        "phone": PHONE,
        "country": {"code": "US"},
    }
    return {
        "issuedAt": datetime.now(UTC).isoformat(),
        "recipient": {"id": APP},
        "order": {"id": f"T3JkZXI6{uuid.uuid4().hex}", "userEmail": PERSON, "billingAddress": address},
    }


def send_order(shop: Installation) -> Any:
    return post_signed(shop, "order_created", json.dumps(an_order()).encode())


def assert_nothing_personal(text: str) -> None:
    for each in (PERSON, NAME, STREET, PHONE, "marker@", *SECRETS):
        assert each not in text


def everything_kept() -> str:
    """Return everything that the task engine and the handlings have stored."""
    tasks = [str(list(OxTask.objects.values())), str(list(Handling.objects.values()))]
    return "\n".join(tasks)


@pytest.fixture
def marked(installation: Installation, account: StripeAccount) -> None:  # noqa: F811 - fixtures
    installation.token = SECRETS[0]
    installation.save()
    account.webhook_secret = SECRETS[2]
    account.save()


def test_one_id_from_the_webhook_to_the_task(
    marked: None,
    installation: Installation,  # noqa: F811 - a fixture
    run_due_tasks: Work,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise ValueError(f"cannot place {PERSON}")

    monkeypatch.setattr(audience_handlers, "read_order", crash)
    answer = send_order(installation)
    trace = answer.headers["X-Request-Id"]
    assert Event.objects.get().trace == trace
    run_due_tasks()
    crashed = [line for line in lines() if line["event"] == "handler crashed"]
    assert crashed
    assert {line["trace"] for line in crashed} == {trace}
    assert crashed[0]["exception"][0] == "ValueError"
    assert any("handlers.py" in frame for frame in crashed[0]["frames"])


def test_a_crash_tells_no_person(
    marked: None,
    installation: Installation,  # noqa: F811 - a fixture
    run_all_tasks: Work,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"{PERSON} {NAME} {SECRETS}")

    monkeypatch.setattr(audience_handlers, "read_order", crash)
    send_order(installation)
    run_all_tasks()
    assert Handling.objects.filter(given_up_at__isnull=False).exists()
    assert_nothing_personal(json.dumps(lines()))
    assert_nothing_personal(everything_kept())


def test_an_ordinary_purchase_tells_no_person(
    marked: None,
    installation: Installation,  # noqa: F811 - a fixture
    buy: Callable[..., Buy],  # noqa: F811 - a fixture
    run_all_tasks: Work,
    lines: Lines,
) -> None:
    send_order(installation)
    buy().paid()
    post_signed(installation, "order_created", b"[]")
    run_all_tasks()
    assert_nothing_personal(json.dumps(lines()))
    assert_nothing_personal(everything_kept())


def test_a_crashed_synchronous_webhook_tells_no_person(
    marked: None,
    buy: Callable[..., Buy],  # noqa: F811 - a fixture
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"{PERSON} {SECRETS}")

    monkeypatch.setattr(create, "initialize", crash)
    answer = buy().session("transaction_initialize_session")
    assert answer["result"] == "CHARGE_ACTION_REQUIRED"
    assert [line for line in lines() if line["event"] == "session crashed"]
    assert_nothing_personal(json.dumps(lines()) + json.dumps(answer))


def test_every_answer_has_an_id_and_the_callers_own_is_not_taken() -> None:
    first = Client().get("/healthz", headers={"X-Request-Id": PERSON})
    second = Client().get("/healthz")
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert PERSON not in str(first.headers)


def test_a_line_is_json_with_its_level_and_time(lines: Lines) -> None:
    structlog.get_logger("saleor_stripe_audience.tests").warning("something happened", event_id=7)
    [line] = [each for each in lines() if each["event"] == "something happened"]
    assert (line["level"], line["event_id"]) == ("warning", 7)
    assert datetime.fromisoformat(line["timestamp"]) <= timezone.now()


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/audience/preference/0123456789abcdef0123456789abcdef:TOKEN-ht.sHA05N", "/audience/preference/…"),
        ("/AUDIENCE/preferences/0123456789abcdef0123456789abcdef:TOKEN/", "/AUDIENCE/preferences/…/"),
        ("/0123456789abcdef0123456789abcdef:TOKEN-ht.sHA05N", "/…"),
        ("/unsubscribe/ada@example.com", "/unsubscribe/…"),
        ("/unsubscribe/ada%40example.com", "/unsubscribe/…"),
        ("/api/webhook/transaction-initialize-session", "/api/webhook/transaction-initialize-session"),
        ("/nowhere/6a0e4f4e-9f5f-4a52-8d8f-0d2f2f1b7a11", "/nowhere/6a0e4f4e-9f5f-4a52-8d8f-0d2f2f1b7a11"),
    ],
)  # fmt: skip
def test_a_mistyped_link_is_logged_without_its_token(
    lines: Lines, client: Client, path: str, logged: str
) -> None:
    assert client.get(path).status_code == 404
    assert [line["event"] for line in lines()] == [f"Not Found: {logged}"]
