"""The way to Stripe's own pages and back (Stripe Connect): for the browser's own tab, in which nobody is signed in.

Each address holds what it is for, signed and good for a day; the page inside the Dashboard shows it to staff only.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import connect, platform
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.shops.models import Channel, Installation

GOOD_FOR = 24 * 3600  # seconds
SECONDS = 30.0
BEGIN, AGAIN, BACK = "hosted_begin", "hosted_again", "hosted_back"  # the names of the three addresses
_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# Stripe's names begin so; the first that fits is told. https://docs.stripe.com/connect/handling-api-verification
ASKED = {
    "external_account": gettext_lazy("a bank account for payouts"),
    "tos_acceptance": gettext_lazy("your consent to Stripe's terms"),
    "business_profile.url": gettext_lazy("the address of your shop"),
    "business_profile": gettext_lazy("what your business sells"),
    "business_type": gettext_lazy("what kind of business it is"),
    "company": gettext_lazy("details of the company"),
    "individual.verification": gettext_lazy("a document that proves your identity"),
    "individual": gettext_lazy("details of yourself"),
    "person": gettext_lazy("details of the people behind the business"),
    "owners": gettext_lazy("details of the people behind the business"),
    "directors": gettext_lazy("details of the people behind the business"),
    "representative": gettext_lazy("details of the people behind the business"),
}

View = Callable[[HttpRequest, Installation, StripeAccount | None, int], HttpResponse]


def begin_url(shop: Installation, account: StripeAccount | None = None) -> str:
    """Where staff go to connect an account, or to go on with that one; good for a day."""
    return _url(BEGIN, shop, account)


def asked_in_words(account: StripeAccount) -> list[str]:
    """What Stripe still asks, as a merchant calls it, each once."""
    return list(dict.fromkeys(_word(each) for each in account.requirements))


def goes_on(account: StripeAccount) -> bool:
    """Whether there is something to do for it at Stripe, or it was disconnected here and can come back."""
    is_open = not _is_through(account) or account.state != StripeAccount.State.CONNECTED
    is_over = account.has_left or account.connect_state == StripeAccount.ConnectState.REJECTED
    return account.is_hosted and is_open and not is_over and platform.is_offered()


def free_channels(shop: Installation) -> list[str]:
    """Channels that nobody can pay in yet: a second account must not silently take over those of the first."""
    taken = AccountChannel.objects.filter(installation=shop).values("channel_slug")
    free = Channel.objects.filter(installation=shop).exclude(slug__in=taken)
    return list(free.values_list("slug", flat=True))


def links(account: StripeAccount) -> dict[str, str]:
    """Where Stripe sends the browser: back at the end, and here again when its link is used up."""
    shop = account.installation
    return {"again": _url(AGAIN, shop, account), "back": _url(BACK, shop, account)}


def _page(name: str) -> Callable[[View], Callable[[HttpRequest, str], HttpResponse]]:
    """The view gets what the address was signed for. Kept by nobody, framed by nobody, told to nobody."""

    def guard(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
        @never_cache
        @require_GET
        @wraps(view)
        def shown(request: HttpRequest, token: str) -> HttpResponse:
            try:
                shop, account, known = _read(name, token)
                with deadline(SECONDS):
                    response = view(request, shop, account, known)
            except Failure as error:
                status = 422 if isinstance(error, Rejected) else 503
                response = _show(request, error.message, status=status)
            response["Content-Security-Policy"] = _POLICY
            response["Referrer-Policy"] = "no-referrer"
            return response

        return shown

    return guard


@_page(BEGIN)
def begin(
    _request: HttpRequest, shop: Installation, account: StripeAccount | None, known: int
) -> HttpResponse:
    """To Stripe's pages: with a new account, or with the one that is not through. Opened twice it is the same one."""
    if account is None:
        account = connect.begin(shop, free_channels(shop), known)
    else:
        connect.resume(account, free_channels(shop))
    return _to_stripe(account)


@_page(AGAIN)
def again(
    _request: HttpRequest, _shop: Installation, account: StripeAccount | None, _known: int
) -> HttpResponse:
    """Stripe's link was used up or too old: another one for the same account."""
    if account is None or account.state != StripeAccount.State.CONNECTED:
        raise _ended()
    return _to_stripe(account)


@_page(BACK)
def back(
    request: HttpRequest, _shop: Installation, account: StripeAccount | None, _known: int
) -> HttpResponse:
    """Back from Stripe, which does not say how it went: it is asked."""
    if account is None or account.state != StripeAccount.State.CONNECTED:
        raise _ended()
    connect.refresh(account)
    if account.takes_payments:
        told = _("“%(name)s” is connected and takes payments.") % {"name": account.name}
        return _show(request, told)
    if account.connect_state == StripeAccount.ConnectState.REJECTED:
        return _show(request, _("Stripe has refused this account. Ask Stripe why, or connect another."))
    if account.requirements:
        told, more = _("Stripe still asks for something before payments can begin."), links(account)["again"]
        return _show(request, told, asked=asked_in_words(account), go_on=more)
    return _show(request, _("Stripe is checking what you told it. Payments begin by themselves after that."))


def _to_stripe(account: StripeAccount) -> HttpResponse:
    if _is_through(account):
        return HttpResponseRedirect(links(account)["back"])
    return HttpResponseRedirect(connect.link(account, **links(account)))


def _is_through(account: StripeAccount) -> bool:
    """Stripe may ask for more while payments go on already: then there is still something to do there."""
    return account.takes_payments and not account.requirements


def _show(request: HttpRequest, told: str, *, status: int = 200, **facts: Any) -> HttpResponse:
    return render(request, "dashboard/hosted.html", {"told": told, **facts}, status=status)


def _word(requirement: str) -> str:
    for prefix, word in ASKED.items():
        if requirement.startswith(prefix):
            return str(word)
    return requirement.replace(".", " ").replace("_", " ")


def _url(name: str, shop: Installation, account: StripeAccount | None) -> str:
    known = connect.hosted(shop.pk)
    token = signing.dumps([str(shop.pk), str(account.pk) if account is not None else "", known], salt=name)
    return settings.PUBLIC_URL + reverse(f"dashboard:{name}", args=[token])


def _read(name: str, token: str) -> tuple[Installation, StripeAccount | None, int]:
    try:
        shop_id, account_id, known = signing.loads(token, salt=name, max_age=GOOD_FOR)
    except signing.BadSignature:
        raise _ended() from None
    shop = Installation.objects.filter(pk=shop_id, is_active=True).first()
    if shop is None:
        raise _ended()
    if not account_id:
        return shop, None, known
    account = StripeAccount.objects.filter(
        pk=account_id, installation=shop, kind=StripeAccount.Kind.CONNECT
    ).first()
    if account is None:
        raise _ended()
    return shop, account, known


def _ended() -> Rejected:
    return Rejected(
        _("This link is no longer good. Go on from the app's page in Saleor's Dashboard."), code="link"
    )
