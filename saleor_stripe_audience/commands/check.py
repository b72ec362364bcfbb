"""Check the installation from end to end and show what to fix. Nothing is changed."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import Error
from django.db.models import Q
from django.utils import timezone
from django_ox.models import OxTask

from saleor_stripe_audience.audience.consent.deliveries.webhooks import is_without_key, webhooks_of
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.database_causes import disk_problem, explain
from saleor_stripe_audience.errors import Blocked, Failure, Rejected
from saleor_stripe_audience.gateway import account_state, connect, onboarding
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.health import database_problem
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.inbox.pulse import DEAD_AFTER, last_seen_worker
from saleor_stripe_audience.network import NoAnswer, exchange, make_session
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.saleor import client, listing, signatures, webhook_sync
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import for_staff

SECONDS = 10
LONGEST_WAIT = timedelta(minutes=5)
START = "Start `work`, or `serve` without --no-worker."


@dataclass(frozen=True)
class Found:
    """The result of one check; `fix` says what to do, and is empty if nothing is wrong."""

    name: str
    fix: str


def run(arguments: Sequence[str]) -> int:
    """Print one line per check; exit code 1 if anything has to be fixed."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience check", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print a list of {name, fix} instead of lines")
    options = parser.parse_args(arguments)
    found = [Found(name, _problem(check)) for name, check in _checks()]
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(f"{'FIX ' if each.fix else 'ok  '}  {each.name}{f': {each.fix}' if each.fix else ''}")
    return 1 if any(each.fix for each in found) else 0


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except Failure as error:
        return error.message
    except Error as error:
        return explain(error)
    return ""


def _checks() -> Iterator[tuple[str, Callable[[], object]]]:
    yield "configuration", lambda: None  # an invalid one is refused before this runs
    yield _storefront_note(), lambda: None
    yield "database and migrations", _check_database
    if _problem(_check_database):
        return
    yield f"{settings.PUBLIC_URL} leads to this app", _check_public_url
    yield "a worker runs the tasks", _check_worker
    yield "a shop has installed the app", _check_installed
    for shop in Installation.objects.filter(is_active=True).order_by("saleor_api_url"):
        yield f"{shop} accepts the app's token", partial(_check_token, shop)
        yield f"{shop} publishes its signing keys", partial(signatures.fetch_jwks, shop.saleor_api_url)
        yield f"{shop} has the app's webhooks and permissions", partial(_check_webhooks, shop)
        yield f"{shop} has a Stripe account for each channel", partial(_check_channels, shop)
        if settings.EMAIL_CONFIGURED:
            yield f"a mail service reports bounces and complaints to {shop}", partial(_check_deliveries, shop)
    accounts = (
        StripeAccount.objects.filter(state=StripeAccount.State.CONNECTED, installation__is_active=True)
        .exclude(kind=StripeAccount.Kind.CONNECT, stripe_id="")
        .select_related("installation")
    )
    for account in accounts.order_by("installation__saleor_api_url", "created_at"):
        name = _name_of(account)
        if account.is_hosted:
            yield f"Stripe lets the app act for {name}", partial(connect.ask, account)
            yield f"{name} may take payments", partial(connect.check_ready, account)
            continue
        key = account.secret_key
        yield f"Stripe accepts the key of {name}", partial(onboarding.check_scopes, key, account.name)
        yield f"Stripe lets {name} take payments", partial(_check_charges, account)
        yield f"Stripe sends the events of {name}", partial(onboarding.check_endpoint, account)
    yield "no event was given up", _check_given_up


def _name_of(account: StripeAccount) -> str:
    """Name the account with its shop, mode and channels: shops share accounts, and accounts of a shop share names."""
    mode = "live" if account.livemode else "test"
    slugs = ", ".join(account.channels.order_by("channel_slug").values_list("channel_slug", flat=True))
    return f"“{account}” of {account.installation} ({mode}: {slugs or 'no channel'})"


def _storefront_note() -> str:
    """Saleor's reference storefront has its gateways in its code; the shop's own storefront may use any."""
    if settings.APP_ID == settings.STOCK_APP_ID:
        return f"APP_ID is {settings.APP_ID}, which Saleor's reference storefront pays through"
    return f"APP_ID is {settings.APP_ID}; Saleor's reference storefront pays only through {settings.STOCK_APP_ID}"


def _check_database() -> None:
    if problem := database_problem(explain) or disk_problem():
        raise Rejected(problem)


def _check_public_url() -> None:
    """Saleor and Stripe use this URL: it must lead here, at least from this machine."""
    try:
        response = exchange(
            make_session(ca_file=settings.CA_FILE),
            "GET",
            f"{settings.PUBLIC_URL}/api/manifest",
            seconds=SECONDS,
        )
        found = response.json() if response.ok else {}
    except NoAnswer as error:
        raise Rejected(
            f"It cannot be reached from here: {error}. Start `serve`; check PUBLIC_URL and the proxies before it, and "
            "CA_FILE if the certificate is signed by an authority of your own."
        ) from error
    except ValueError:
        found = {}
    if found.get("id") != settings.APP_ID:
        raise Rejected(
            "It does not return this app's manifest. Start `serve`; check PUBLIC_URL and the proxies before it."
        )


def _check_worker() -> None:
    """A worker is alive, and no task has been due for minutes."""
    now = timezone.now()
    seen = last_seen_worker()
    if seen is not None and seen < now - DEAD_AFTER:
        raise Rejected(f"No worker is alive; the last one was seen at {seen:%Y-%m-%d %H:%M:%S} UTC. {START}")
    due = now - LONGEST_WAIT
    waiting = OxTask.objects.filter(status=OxTask.Status.READY, enqueued_at__lt=due)
    if waiting.exclude(run_after__gt=due).exists():
        fix = START if seen is None else "The workers are overloaded: start more `work`."
        raise Rejected(f"Tasks have been waiting for more than five minutes. {fix}")
    if seen is None:
        raise Rejected(f"No worker has ever run. {START}")


def _check_installed() -> None:
    if not Installation.objects.filter(is_active=True).exists():
        raise Rejected("None yet. Install the app in Saleor's Dashboard from PUBLIC_URL/api/manifest.")


def _check_token(shop: Installation) -> None:
    if client.fetch_app(shop.saleor_api_url, shop.token).id != shop.app_id:
        raise Rejected("The token belongs to another app. Install the app again; its data is kept.")


def _check_webhooks(shop: Installation) -> None:
    if differences := webhook_sync.fetch_differences(shop):
        raise Rejected(
            f"{'; '.join(differences)}. The app updates its webhooks within the hour, while it is running."
        )


def _check_channels(shop: Installation) -> None:
    """Customers can pay in every channel now, with live payments if the shop is live. Stripe is checked below."""
    found = [_describe(each) for each in readiness.obstacles(shop)]
    if found:
        raise Rejected(" ".join(found))


def _describe(obstacle: readiness.Obstacle) -> str:
    if obstacle.code == readiness.NO_ACCOUNT:
        slugs = ", ".join(obstacle.channels)
        return f"None for {slugs}: customers cannot pay there. Choose one on the app's page in the Dashboard."
    return for_staff(obstacle.message)


def _check_charges(account: StripeAccount) -> None:
    """Whether Stripe allows it to accept payments; the line before reports a refused key."""
    with suppress(Blocked):
        account_state.check_charges(account)


def _check_deliveries(shop: Installation) -> None:
    """Without it no contact ever becomes `cleaned`, and a complaint changes nothing. A shop without any needs none."""
    for webhook in webhooks_of(shop):
        if is_without_key(webhook):
            raise Rejected(
                f"{webhook.service} signs its reports, and its key is missing. Copy it from the service, then run "
                f"`mail-webhook --saleor-api-url {shop} --set-key {webhook.pk} --signing-key KEY`."
            )
    has_contacts = Contact.objects.filter(audience__installation=shop).exists()
    if (has_contacts or listing.may_list(shop, "orders")) and not webhooks_of(shop).exists():
        raise Rejected(
            "None does, so email is still sent to dead mailboxes and to people who complained. Create a URL with "
            f"`mail-webhook --saleor-api-url {shop} --service NAME`, and enter it at the service."
        )


def _check_given_up() -> None:
    given_up = Handling.objects.given_up().select_related("event").order_by("-given_up_at")
    first = given_up.first()
    if first is None:
        return
    count, shop = given_up.count(), _shop_of(first.event)
    of_shop = f", of {shop}," if shop is not None else ""
    verb = "was" if count == 1 else "were"
    raise Rejected(f"{count} {verb} given up; the latest{of_shop} because: {first.reason}")


def _shop_of(event: Event) -> Installation | None:
    """Return the shop whose event it is; Stripe's events come from one of its accounts."""
    accounts = StripeAccount.objects.filter(pk=event.origin).values("installation")
    return Installation.objects.filter(Q(pk=event.origin) | Q(pk__in=accounts)).first()
