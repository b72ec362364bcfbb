"""A shop with very many contacts, created in the database by a few statements.

Everything is derived from a row's number, so each run creates the same shop. Instead of random numbers, a hash maps
each number to one in 0 … 2³²−1: two multiplications, with a swap of halves between them.
"""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.color import no_style
from django.db import connection, transaction

from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.shopping.models import Cart, Purchase
from saleor_stripe_audience.shops.models import Installation

SHOP = UUID("00000000-0000-4000-8000-000000000001")
AUDIENCE = UUID("00000000-0000-4000-8000-000000000002")
API_URL = "https://crowd.example/graphql/"
BUYERS_SHARE = 0.7
LINES_PER_ORDER = 2.5
DAYS = 900  # days over which the orders are spread, until now
TABLES = ("cartline", "cart", "paymentfact", "contactspent", "purchaseline", "purchase", "contact")


def make_crowd(contacts: int) -> Audience:
    """Create this many contacts, with twice as many orders, five times as many lines, carts and declines."""
    installation = Installation.objects.create(
        pk=SHOP, saleor_api_url=API_URL, app_id="QXBwOjE=", domain="crowd.example", token="t",
        schema_version="3.23", registered_at=datetime.now(UTC),
    )  # fmt: skip
    audience = Audience.objects.create(pk=AUDIENCE, installation=installation, name="Crowd", is_default=True)
    with transaction.atomic(), connection.cursor() as cursor:
        _spare_foreign_keys(cursor)
        for statement in _statements(contacts):
            cursor.execute(statement)
        for statement in connection.ops.sequence_reset_sql(no_style(), [Purchase, Cart]):
            cursor.execute(statement)  # these rows have explicit ids
    settle()
    return audience


def _spare_foreign_keys(cursor: Any) -> None:
    """Skip foreign key checks if the user is a superuser of PostgreSQL: the rows are known to be consistent."""
    if connection.vendor == "postgresql":
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        if cursor.fetchone()[0]:
            cursor.execute("SET LOCAL session_replication_role = replica")


def settle() -> None:
    """Analyze and vacuum, as a database does some time after rows are inserted."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    else:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def scattered(number: str, salt: int = 0) -> str:
    """SQL: a hash of the number, in 0 … 2³²−1."""
    once = f"((({number}) + {salt} * 7919) * 2654435761 % 4294967296)"
    return f"(({once} % 65536 * 65536 + {once} / 65536) * 1103515245 % 4294967296)"


def of_chance(number: str, below: int, salt: int) -> str:
    """SQL: a whole number from 0 up to `below`."""
    return f"({scattered(number, salt)} / 64 % {below})"


def _statements(contacts: int) -> list[str]:
    """The orders first: the contacts are inserted with their totals."""
    return [*_orders(contacts), _people(contacts), *_carts_and_payments(contacts)]


def _orders(contacts: int) -> list[str]:
    orders, buyers = contacts * 2, int(contacts * BUYERS_SHARE)
    placed = _ago(f"{of_chance('n', DAYS * 86_400, 11)}")
    owner = f"1 + {scattered('n', 3)} % {buyers}"
    total = f"1000 + {of_chance('n', 9_000, 13)}"
    status = f"CASE WHEN {of_chance('n', 100, 17)} < 2 THEN 'CANCELED' ELSE 'FULFILLED' END"
    charge = f"CASE WHEN {of_chance('n', 100, 19)} < 3 THEN 'NONE' ELSE 'FULL' END"
    refunded = f"CASE WHEN {of_chance('n', 100, 23)} < 3 THEN 500 ELSE 0 END"
    currency = f"CASE WHEN {of_chance('n', 10, 29)} < 8 THEN 'USD' ELSE 'EUR' END"
    voucher = f"CASE WHEN {of_chance('n', 20, 31)} = 0 THEN 'SUMMER' ELSE '' END"
    shop = _uuid(str(SHOP))
    return [
        f"""INSERT INTO audience_purchase (id, contact_id, installation_id, saleor_order_id, number, status,
            charge_status, channel, currency, total_minor, charged_minor, refunded_minor, voucher_code,
            saleor_user_id, is_placed_by_account, saleor_checkout_id, placed_at, issued_at)
            SELECT n, {_key(owner)}, {shop}, 'order-' || n, '' || n, {status}, {charge}, 'default-channel',
            {currency}, {total}, {total}, {refunded}, {voucher}, '', false, 'checkout-' || n, {placed}, {placed}
            FROM {numbers(orders)} WHERE true""",
        f"""INSERT INTO audience_purchaseline (purchase_id, saleor_line_id, saleor_product_id, saleor_variant_id,
            product_name, variant_name, sku, quantity, quantity_fulfilled, unit_minor, total_minor)
            SELECT 1 + n % {orders}, 'line-' || n, 'product-' || {of_chance("n", 2_000, 43)},
            'variant-' || {of_chance("n", 6_000, 43)}, 'A thing', 'Large', 'SKU-' || {of_chance("n", 6_000, 43)},
            1, 1, 1500, 1500 FROM {numbers(int(orders * LINES_PER_ORDER))} WHERE true""",
        """INSERT INTO audience_contactspent (contact_id, currency, spent_minor, refunded_minor, orders_count)
            SELECT contact_id, currency, sum(charged_minor - refunded_minor), sum(refunded_minor), count(*)
            FROM audience_purchase WHERE charge_status = 'FULL' AND status <> 'CANCELED'
            GROUP BY contact_id, currency""",
    ]  # fmt: skip


def _people(contacts: int) -> str:
    consent = _one_of("n", [("confirmed", 30), ("withdrawn", 5), ("pending", 2), ("unknown", 63)], 37)
    country = _one_of("n", [("FR", 25), ("DE", 20), ("US", 30), ("GB", 15), ("PL", 10)], 41)
    language = _one_of("n", [("fr", 25), ("de", 20), ("en-us", 45), ("pl", 10)], 41)
    audience = _uuid(str(AUDIENCE))
    return f"""INSERT INTO audience_contact (id, audience_id, email, first_name, last_name, phone, city, country,
            language, consent, soft_opt_in, deliverability, lifecycle, known_at, orders_count, first_order_at,
            last_order_at, created_at, updated_at)
            SELECT {_key("n")}, {audience}, 'person' || n || '@crowd.example', 'First' || n, 'Last' || n,
            '', '', {country}, {language}, {consent}, {_false()}, 'ok', 'active', {_json()}, coalesce(bought.orders, 0),
            bought.first, bought.last, {_ago("n % 77760000")}, {_ago("0")}
            FROM {numbers(contacts)} LEFT JOIN (SELECT contact_id, count(*) AS orders, min(placed_at) AS first,
            max(placed_at) AS last FROM audience_purchase WHERE charge_status = 'FULL' AND status <> 'CANCELED'
            GROUP BY contact_id) bought ON bought.contact_id = {_key("n")} WHERE true"""  # fmt: skip


def _carts_and_payments(contacts: int) -> list[str]:
    shop = _uuid(str(SHOP))
    return [
        f"""INSERT INTO audience_cart (id, installation_id, contact_id, saleor_checkout_id, channel, currency,
            total_minor, voucher_code, started_at, last_active_at, issued_at, closed_at, saleor_order_id)
            SELECT n, {shop}, {_key(f"1 + {scattered('n', 47)} % {contacts}")}, 'cart-' || n, 'default-channel', 'USD',
            4000, '', {_ago("n * 60")}, {_ago("n * 60")}, {_ago("n * 60")},
            CASE WHEN n % 3 = 0 THEN NULL ELSE {_ago("n * 60")} END, '' FROM {numbers(contacts // 10)} WHERE true""",
        f"""INSERT INTO audience_cartline (cart_id, saleor_line_id, saleor_product_id, saleor_variant_id, product_name,
            variant_name, sku, quantity, total_minor)
            SELECT n, 'line', 'product-1', 'variant-1', 'A thing', 'Large', 'SKU-1', 1, 4000
            FROM {numbers(contacts // 10)} WHERE true""",
        f"""INSERT INTO audience_paymentfact (installation_id, contact_id, kind, code, outcome, currency,
            amount_minor, at, source_id, reference, key)
            SELECT {shop}, {_key(f"1 + {scattered('n', 53)} % {contacts}")},
            CASE WHEN n % 20 = 0 THEN 'disputed' ELSE 'declined' END, 'insufficient_funds', '', 'USD', 4000,
            {_ago("n * 300")}, '', 'pi_' || n, 'key-' || n FROM {numbers(contacts // 15)} WHERE true""",
    ]  # fmt: skip


def _one_of(number: str, values: list[tuple[str, int]], salt: int) -> str:
    """SQL: one of the values, each with its percentage."""
    below, cases = 0, ""
    for value, share in values:
        below += share
        cases += f" WHEN {of_chance(number, 100, salt)} < {below} THEN '{value}'"
    return f"(CASE{cases} END)"


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def numbers(count: int) -> str:
    """SQL: the whole numbers from 1 to `count`, as n."""
    if _is_postgresql():
        return f"(SELECT generate_series(1, {count})::bigint AS n) numbers"
    return (
        f"(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {count}) "
        "SELECT n FROM up) numbers"
    )


def _key(number: str) -> str:
    """SQL: the id of the contact with that number, in no order, as if it were random."""
    if _is_postgresql():
        return f"(lpad(to_hex({scattered(number)}), 8, '0') || lpad(to_hex({number}), 24, '0'))::uuid"
    return f"printf('%08x%024x', {scattered(number)}, {number})"


def _uuid(text: str) -> str:
    return f"'{text}'::uuid" if _is_postgresql() else f"'{UUID(text).hex}'"


def _ago(seconds: str) -> str:
    if _is_postgresql():
        return f"(now() - ({seconds}) * interval '1 second')"
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({seconds}) || ' seconds')"


def _json() -> str:
    return f"'{json.dumps({})}'{'::jsonb' if _is_postgresql() else ''}"


def _false() -> str:
    return "false" if _is_postgresql() else "0"
