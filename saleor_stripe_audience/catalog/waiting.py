"""The catalogue waits for an account that is not through Stripe's onboarding, or that Stripe does not serve now."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from saleor_stripe_audience.catalog.models import WaitingProduct
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def waiting_accounts(installation: Installation) -> list[StripeAccount]:
    """The shop's accounts that sell, or will, and to which nothing can be sent yet."""
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
    """Remember the product for later, or that it is gone; inside the caller's transaction.

    The accounts' rows are held, so that none becomes active between this look and the writing.
    """
    chosen = [each.pk for each in accounts]
    for account in StripeAccount.objects.select_for_update().filter(pk__in=chosen).order_by("pk"):
        _put(account, product_id, payload, issued_at)
        if account.takes_payments and account.blocked_at is None:
            drain(installation, account)


def forget_variant(accounts: Iterable[StripeAccount], variant_id: str) -> None:
    """The variant is sold no more: it is taken out of what waits. Inside the caller's transaction."""
    for row in (
        WaitingProduct.objects.select_for_update()
        .filter(account__in=list(accounts))
        .filter(payload__isnull=False)
    ):
        payload: Json = row.payload or {}
        variants = payload.get("variants") or []
        left = [each for each in variants if each.get("id") != variant_id]
        if len(left) != len(variants):
            row.payload = payload | {"variants": left}
            row.save(update_fields=["payload"])


def drain(installation: Installation, account: StripeAccount) -> None:
    """Everything that waits for the account goes through the inbox once more, each product by itself.

    Inside the caller's transaction. Accounts that have a product already are sent nothing: it is as they have it.
    """
    rows = WaitingProduct.objects.select_for_update().filter(account=account)
    for row in rows.filter(payload__isnull=False).order_by("pk"):
        # New each time: the account may be in trouble again before this is worked, and the same state wait once more.
        key = f"waited:{account.pk}:{row.saleor_product_id}:{uuid.uuid4()}"
        told = {"issuedAt": row.issued_at.isoformat(), "product": row.payload}
        inbox.record("saleor", installation.pk, key, "product_updated", told, row.issued_at)
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
