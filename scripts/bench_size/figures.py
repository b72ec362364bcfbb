"""A shop of any size, and the measurements in it."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict

from saleor_stripe_audience.audience.people.audiences import counts_by_audience
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.dashboard import overview
from saleor_stripe_audience.dashboard.pages import read_page
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.inbox import engine
from saleor_stripe_audience.inbox.backlog import backlog
from saleor_stripe_audience.payments.models import Payment
from scripts.bench_audience import crowd
from scripts.working import OwnWorker

Json = dict[str, Any]

TIMES = 20
ACCOUNT = UUID("00000000-0000-4000-8000-000000000003")
PAYMENTS_SHARE = 0.3


def measure(contacts: int) -> Json:
    """Create the shop and return its figures."""
    call_command("migrate", verbosity=0)
    audience = crowd.make_crowd(contacts)
    _add_payments_and_events(audience, contacts)
    work = OwnWorker().work
    return {
        "rows": {"contacts": contacts, "payments": int(contacts * PAYMENTS_SHARE), "events": contacts},
        "order_alone": _time(TIMES, lambda: _receive(audience, 1), work),
        "orders_together": _time(TIMES // 4, lambda: _receive(audience, 20), work, count=20),
        "overview": _time(TIMES, _nothing, lambda: overview.checks(audience.installation)),
        "newest_contacts": _time(
            TIMES, _nothing, lambda: read_page(_contacts(audience), QueryDict(), "created_at")
        ),
        "newest_payments": _time(
            TIMES, _nothing, lambda: read_page(_payments(audience), QueryDict(), "created_at")
        ),
        "contacts_by_status": _time(TIMES, _nothing, lambda: counts_by_audience(audience.installation_id)),
        "backlog": _time(TIMES, _nothing, backlog),
        "sweep": _time(TIMES, _nothing, engine.sweep),
    }


def _nothing() -> None:
    pass


def _time(times: int, prepare: Callable[[], Any], act: Callable[[], Any], *, count: int = 1) -> Json:
    """Return the median milliseconds for each of the `count` things that a call does."""
    took, used = [], []
    for _ in range(times + 1):
        prepare()
        started, used_before = time.perf_counter(), time.thread_time()
        act()
        took.append((time.perf_counter() - started) * 1000 / count)
        used.append((time.thread_time() - used_before) * 1000 / count)
    return {"ms": round(statistics.median(took[1:]), 2), "cpu_ms": round(statistics.median(used[1:]), 2)}


def _payments(audience: Audience) -> QuerySet[Payment]:
    return Payment.objects.filter(installation=audience.installation_id).select_related("account")


def _contacts(audience: Audience) -> QuerySet[Contact]:
    return Contact.objects.filter(audience=audience).prefetch_related("spent")


def _receive(audience: Audience, count: int) -> None:
    """Record ORDER_CREATED of new contacts."""
    first = Contact.objects.filter(email__startswith="size").count()
    for number in range(first, first + count):
        now = datetime.now(UTC)
        price = {"gross": {"amount": 20.0, "currency": "USD"}}
        order = {
            "id": f"size-{number}", "number": str(number), "status": "UNFULFILLED", "chargeStatus": "FULL",
            "created": now.isoformat(), "userEmail": f"size{number}@crowd.example", "checkoutId": f"size-{number}",
            "channel": {"slug": "default-channel"}, "total": price, "totalCharged": price["gross"],
            "lines": [{
                "id": f"size-{number}", "productName": "A thing", "productSku": "1", "quantity": 1, "unitPrice": price,
                "totalPrice": price, "variant": {"id": "variant-1", "product": {"id": "product-1", "name": "A thing"}},
            }],
        }  # fmt: skip
        engine.record(
            "saleor", audience.installation_id, f"size-{number}", "order_created", {"order": order}, now
        )


def _add_payments_and_events(audience: Audience, contacts: int) -> None:
    StripeAccount.objects.create(
        pk=ACCOUNT, installation=audience.installation, name="Crowd", publishable_key="pk_test_1",
        secret_key="sk_test_1", stripe_id="acct_1", livemode=False,
    )  # fmt: skip
    shop, account = _literal(crowd.SHOP), _literal(ACCOUNT)
    is_postgresql = connection.vendor == "postgresql"
    key = "gen_random_uuid()" if is_postgresql else "lower(hex(randomblob(16)))"
    ago = "now() - n * interval '1 second'" if is_postgresql else "datetime('now', '-' || n || ' seconds')"
    empty = "'{}'::jsonb" if is_postgresql else "'{}'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO payments_payment (id, installation_id, account_id, transaction_id, idempotency_key,
            payment_intent_id, flow, source_id, channel_slug, amount_minor, currency, status, captured_minor,
            refunded_minor, settled_currency, order_id, order_number, decline_code, decline_message, created_at,
            updated_at)
            SELECT {key}, {shop}, {account}, 'transaction-' || n, 'key-' || n, 'pi_' || n, 'CHARGE', 'checkout-' || n,
            'default-channel', 4000, 'USD', 'succeeded', 4000, 0, '', '', '' || n, '', '', {ago}, {ago}
            FROM {crowd.numbers(int(contacts * PAYMENTS_SHARE))} WHERE true"""
        )
        cursor.execute(
            f"""INSERT INTO inbox_event
            (source, origin, key, kind, payload, occurred_at, received_at, handled_at, trace)
            SELECT 'saleor', {shop}, 'event-' || n, 'order_created', {empty}, {ago}, {ago}, {ago}, ''
            FROM {crowd.numbers(contacts)} WHERE true"""
        )
        cursor.execute(
            """INSERT INTO inbox_handling (event_id, handler, attempts, done_at, reasons)
            SELECT id, 'audience.handlers.record_order', 1, handled_at, '{}' FROM inbox_event"""
        )
    crowd.settle()


def _literal(value: UUID) -> str:
    return f"'{value}'::uuid" if connection.vendor == "postgresql" else f"'{value.hex}'"
