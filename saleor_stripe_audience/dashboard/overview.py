"""What is connected and healthy, and what to do next, in one sentence each. Nothing here calls the network."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard.problems import events_of, given_up, to_mend
from saleor_stripe_audience.dashboard.sections import ACCOUNTS, CHANNELS, PROBLEMS, Section
from saleor_stripe_audience.gateway.accounts import accounts_of
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.payments import readiness
from saleor_stripe_audience.shops.models import Channel, Installation

WAITS_TOO_LONG = timedelta(
    minutes=5
)  # a task is taken up within seconds; retries are told apart by their Handling


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `state` is "good", "info", "todo" or "bad", `section` where to act on it."""

    state: str
    title: str
    text: str
    section: Section | None = None


def checks(shop: Installation) -> list[Check]:
    """Everything looked at, in the order in which a new shop gets it going."""
    accounts = [each for each in accounts_of(shop.pk) if each.state == StripeAccount.State.CONNECTED]
    return [
        _saleor(shop),
        _stripe(accounts),
        _channels(shop),
        _events(shop),
        _catalogue(shop),
        _audience(shop),
        _storefront(),
    ]


def first_to_do(found: list[Check]) -> Check | None:
    """The one thing to do next: what is broken comes before what is not done yet."""
    wanting = [check for check in found if check.state in ("todo", "bad")]
    return min(wanting, key=lambda check: check.state != "bad", default=None)


def _saleor(shop: Installation) -> Check:
    if problems := to_mend(shop):
        return Check("bad", _("Saleor"), problems[0].message, PROBLEMS)
    text = _("Connected to %(shop)s.") % {"shop": shop.domain or shop.saleor_api_url}
    return Check("good", _("Saleor"), text)


def _stripe(accounts: list[StripeAccount]) -> Check:
    title = _("Stripe")
    if not accounts:
        return Check("todo", title, _("Connect your Stripe account, so that customers can pay."), ACCOUNTS)
    if waiting := next((each for each in accounts if not each.takes_payments), None):
        return _at_stripe(waiting)
    if broken := next((each for each in accounts if not each.is_hosted and not each.webhook_secret), None):
        text = _("Paste the keys of “%(name)s” once more: Stripe does not report its payments to us yet.")
        return Check("bad", title, text % {"name": broken.name}, ACCOUNTS)
    names = ", ".join(each.name for each in accounts)
    if not any(each.livemode for each in accounts):
        text = _("%(names)s takes test payments only. Connect your live keys when you open the shop.")
        return Check("todo", title, text % {"names": names}, ACCOUNTS)
    return Check("good", title, _("%(names)s takes payments.") % {"names": names})


def _at_stripe(account: StripeAccount) -> Check:
    """An account that Stripe does not let take payments."""
    if account.connect_state == StripeAccount.ConnectState.PENDING:
        text = _(
            "“%(name)s” cannot take payments yet: Stripe asks for something, or checks what you told it."
        )
        return Check("todo", _("Stripe"), text % {"name": account.name}, ACCOUNTS)
    if account.connect_state == StripeAccount.ConnectState.RESTRICTED:
        text = _("Stripe has stopped payments to “%(name)s” until you give it what it asks for.")
        return Check("bad", _("Stripe"), text % {"name": account.name}, ACCOUNTS)
    text = _("Stripe has refused the account “%(name)s”. Disconnect it, and connect another.")
    return Check("bad", _("Stripe"), text % {"name": account.name}, ACCOUNTS)


def _channels(shop: Installation) -> Check:
    """Good only if a shopper can pay now in every channel, live where the shop is live."""
    title = _("Channels")
    count = Channel.objects.filter(installation=shop).count()
    if not count:
        return Check(
            "todo", title, _("Make a sales channel in Saleor, then read the channels here."), CHANNELS
        )
    if found := readiness.obstacles(shop):
        return _obstacle(shop, title, found[0])
    return Check(
        "good",
        title,
        ngettext("The one channel has an account.", "All %(n)s channels have an account.", count)
        % {"n": count},
    )


def _obstacle(shop: Installation, title: str, obstacle: readiness.Obstacle) -> Check:
    names = _listed(
        list(Channel.objects.filter(installation=shop, slug__in=obstacle.channels).order_by("name"))
    )
    text, state, section = {
        readiness.NO_ACCOUNT: (
            _("Choose a Stripe account for %(channels)s: nobody can pay there yet."),
            "todo",
            CHANNELS,
        ),
        readiness.PAUSED: (
            _("Payments are paused in %(channels)s: nobody can pay there."),
            "todo",
            CHANNELS,
        ),
        readiness.TERMS: (
            _("Accept the terms: before that nobody can pay in %(channels)s."),
            "bad",
            ACCOUNTS,
        ),
        readiness.TEST_ONLY: (
            _("%(channels)s takes test payments only, while the shop is open. Choose a live account there."),
            "bad",
            CHANNELS,
        ),
        readiness.CHARGES: (
            _(
                "Stripe does not let “%(account)s” take payments now: nobody can pay in %(channels)s. Open Stripe."
            ),
            "bad",
            ACCOUNTS,
        ),
        readiness.KEY: (
            _(
                "Stripe does not serve “%(account)s” with the app's key: payments in %(channels)s fail. Paste new keys."
            ),
            "bad",
            ACCOUNTS,
        ),
        readiness.NOT_READY: (
            _("“%(account)s” takes no payments yet: nobody can pay in %(channels)s."),
            "todo",
            ACCOUNTS,
        ),
    }[obstacle.code]
    return Check(state, title, text % {"channels": names, "account": obstacle.about}, section)


def _listed(channels: list[Channel], most: int = 3) -> str:
    names = ", ".join(channel.name for channel in channels[:most])
    return f"{names} …" if len(channels) > most else names


def _events(shop: Installation) -> Check:
    title = _("Messages")
    if count := given_up(shop).count():
        text = ngettext(
            "%(n)s message could not be dealt with. Read why, mend it, then replay it.",
            "%(n)s messages could not be dealt with. Read why, mend it, then replay them.",
            count,
        )
        return Check("bad", title, text % {"n": count}, PROBLEMS)
    before = timezone.now() - WAITS_TOO_LONG
    waiting = events_of(shop).filter(handled_at=None, received_at__lt=before, handlings=None).count()
    if waiting:
        text = _("%(n)s messages wait for too long. Ask whoever runs the app whether its worker is running.")
        return Check("bad", title, text % {"n": waiting})
    if events_of(shop).aggregate(last=Max("received_at"))["last"] is None:
        return Check("good", title, _("None has come yet. The first comes with the next order."))
    return Check("good", title, _("Every message was dealt with."))


def _catalogue(shop: Installation) -> Check:
    count = CatalogProduct.objects.filter(installation=shop, is_active=True).count()
    text = ngettext("%(n)s variant is in Stripe.", "%(n)s variants are in Stripe.", count)
    return Check("good", _("Catalogue"), text % {"n": count})


def _audience(shop: Installation) -> Check:
    count = Contact.objects.filter(audience__installation=shop).count()
    text = ngettext("%(n)s contact is in your audience.", "%(n)s contacts are in your audience.", count)
    return Check("good", _("Audience"), text % {"n": count})


def _storefront() -> Check:
    """The stock storefront names its gateways in its code; the shop's own may name any."""
    title = _("Storefront")
    if settings.APP_ID == settings.STOCK_APP_ID:
        return Check("good", title, _("Storefronts built on Saleor's own find this app."))
    text = _(
        "A storefront built on Saleor's own pays only through an app with the id %(stock)s; this one is %(own)s. "
        "If yours is one, ask whoever runs the app to set APP_ID, and install the app again."
    )
    return Check("info", title, text % {"stock": settings.STOCK_APP_ID, "own": settings.APP_ID})
