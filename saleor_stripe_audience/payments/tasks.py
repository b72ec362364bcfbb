"""Scheduled and delayed tasks for payments."""

import uuid
from typing import Any

from django.db import transaction
from django.tasks import task
from django.utils import timezone

from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import attempts, order_matching, reconcile, report, upkeep
from saleor_stripe_audience.payments.repeats import BOOKED_WITHIN, LONGEST_TRY
from saleor_stripe_audience.shops.channels import on_change
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.shops.removal import on_return
from saleor_stripe_audience.task_engine import AFTER_EVENTS, enqueue_once

REPORT_DELAY = LONGEST_TRY + BOOKED_WITHIN


@task
def forget_old_attempts() -> int:
    """Every night: delete stored requests to Stripe that are no longer needed."""
    return attempts.delete_old()


@task
def keep_endpoints() -> int:
    """At the start and every hour: check keys, channels, and Stripe's endpoint of every account."""
    upkeep.check_accounts()
    return upkeep.sync_endpoints()


@task
def report_decline(account_id: str, intent_id: str, charge_id: str, code: str) -> None:
    """A few minutes after a decline: make sure that Saleor's history has it, whatever the storefront did."""
    account = StripeAccount.objects.filter(pk=uuid.UUID(account_id)).first()
    if account is not None:
        report.report_decline(account, intent_id, charge_id, code)


@task
def report_payment(account_id: str, intent_id: str) -> None:
    """A moment after a refund was left to the response to its request: report it if Saleor did not book that."""
    account = StripeAccount.objects.filter(pk=uuid.UUID(account_id)).first()
    write = report.report_payment(account, intent_id, report_later) if account is not None else None
    if write is not None:
        with transaction.atomic():
            write()


def report_later(account: StripeAccount, intent_id: str) -> None:
    """Report the payment again when Saleor has booked the responses that are on their way now."""
    later = report_payment.using(run_after=timezone.now() + REPORT_DELAY)
    later.enqueue(str(account.pk), intent_id)


@task
def look_for_orders() -> int:
    """Every hour: check payments without a known order."""
    return order_matching.check_unordered()


@task
def report_obstacles(installation_id: str) -> None:
    """When an account, a channel or the terms changed: report what keeps shoppers from paying."""
    shop = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    if shop is not None:
        upkeep.report_obstacles(shop)


@on_change
def _report_obstacles_later(installation: Installation) -> None:
    """A new channel has no account yet."""
    report_obstacles.enqueue(str(installation.pk))


@task
def reconcile_one(installation_id: str) -> None:
    """When a shop accepts the app again: find what was not delivered, such as withdrawals of consent."""
    shop = Installation.objects.filter(pk=uuid.UUID(installation_id), is_active=True).first()
    if shop is not None:
        reconcile.reconcile(shop)


@on_return
def _reconcile_later(installation: Installation) -> None:
    """A reinstall, for example, is announced twice."""
    shop = str(installation.pk)
    enqueue_once(reconcile_one, f"reconcile {shop}", shop, priority=AFTER_EVENTS)


@task
def reconcile_all() -> list[dict[str, Any]]:
    """At the start and every hour: find what was lost, so that both sides agree again."""
    return [each.as_json() for each in reconcile.reconcile_all()]
