"""Products that wait for an account whose onboarding is not complete, or that is blocked."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from saleor_stripe_audience.catalog import push
from saleor_stripe_audience.catalog.models import WaitingProduct
from saleor_stripe_audience.catalog.payloads import items_of, read_product
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def waiting_accounts(installation: Installation) -> list[StripeAccount]:
    """The shop's accounts with channels to which nothing can be sent yet."""
    mapped = AccountChannel.objects.filter(installation=installation).values("account_id")
    connected = StripeAccount.objects.filter(pk__in=mapped, state=StripeAccount.State.CONNECTED)
    return [each for each in connected if not each.takes_payments]


def keep(
    installation: Installation,
    accounts: Iterable[StripeAccount],
    product_id: str,
    payload: Json | None,
    issued_at: datetime,
) -> None:
    """Store the product for later, or its deletion; inside the caller's transaction.

    The accounts' rows are locked, so that none becomes active between the check and the writing.
    """
    chosen = [each.pk for each in accounts]
    items = items_of(read_product(payload)) if payload is not None else []
    for account in StripeAccount.objects.select_for_update().filter(pk__in=chosen).order_by("pk"):
        _put(account, product_id, payload, issued_at)
        for item in items:
            push.note_waiting(account, item, issued_at)
        if account.takes_payments and account.blocked_at is None:
            drain(installation, account)


def forget_variant(accounts: Iterable[StripeAccount], variant_id: str) -> None:
    """Remove a deleted variant from the waiting products. Inside the caller's transaction."""
    for row in (
        WaitingProduct.objects.select_for_update()
        .filter(account__in=list(accounts))
        .filter(payload__isnull=False)
    ):
        payload: Json = row.payload or {}
        variants = payload.get("variants") or []
        remaining = [each for each in variants if each.get("id") != variant_id]
        if len(remaining) != len(variants):
            row.payload = payload | {"variants": remaining}
            row.save(update_fields=["payload"])


def drain(installation: Installation, account: StripeAccount) -> None:
    """Record every product that waits for the account in the inbox again, each as one event.

    Inside the caller's transaction. Accounts that already have a product are sent nothing, because it is unchanged.
    """
    rows = WaitingProduct.objects.select_for_update().filter(account=account)
    for row in rows.filter(payload__isnull=False).order_by("pk"):
        # A new key each time: the account may be blocked again before this is handled, and the same state wait again.
        key = f"waited:{account.pk}:{row.saleor_product_id}:{uuid.uuid4()}"
        payload = {"issuedAt": row.issued_at.isoformat(), "product": row.payload}
        inbox.record("saleor", installation.pk, key, "product_updated", payload, row.issued_at)
    rows.delete()


def _put(account: StripeAccount, product_id: str, payload: Json | None, issued_at: datetime) -> None:
    row = WaitingProduct.objects.filter(account=account, saleor_product_id=product_id).first()
    if row is None:
        WaitingProduct.objects.create(
            account=account, saleor_product_id=product_id, payload=payload, issued_at=issued_at
        )
    elif row.issued_at <= issued_at:
        row.payload, row.issued_at = payload, issued_at
        row.save(update_fields=["payload", "issued_at"])
