"""Stripe's own pages for connecting an account (Stripe Connect), opened in a browser tab without a session.

Each URL contains what it is for, signed and valid for a day; the page inside the Dashboard shows it to staff only.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_GET

from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.gateway import connect, platform
from saleor_stripe_audience.gateway.models import AccountChannel, StripeAccount
from saleor_stripe_audience.shops.channels import existing_channels
from saleor_stripe_audience.shops.models import Installation

VALID_SECONDS = 24 * 3600
SECONDS = 30.0
BEGIN, AGAIN, BACK = "hosted_begin", "hosted_again", "hosted_back"  # the names of the three URLs
_POLICY = {
    "default-src": CSP.NONE,
    "style-src": CSP.SELF,
    "base-uri": CSP.NONE,
    "form-action": CSP.NONE,
    "frame-ancestors": CSP.NONE,
}

# Stripe's names begin with these; the first match is shown. https://docs.stripe.com/connect/handling-api-verification
REQUIREMENTS = {
    "external_account": gettext_lazy("a bank account for payouts"),
    "tos_acceptance": gettext_lazy("your acceptance of Stripe's terms"),
    "business_profile.url": gettext_lazy("your shop's website"),
    "business_profile": gettext_lazy("what your business sells"),
    "business_type": gettext_lazy("what kind of business it is"),
    "company": gettext_lazy("details of the company"),
    "individual.verification": gettext_lazy("a document that proves your identity"),
    "individual": gettext_lazy("your personal details"),
    "person": gettext_lazy("details of the people behind the business"),
    "owners": gettext_lazy("details of the people behind the business"),
    "directors": gettext_lazy("details of the people behind the business"),
    "representative": gettext_lazy("details of the people behind the business"),
}

View = Callable[[HttpRequest, Installation, StripeAccount | None, int], HttpResponse]


def begin_url(shop: Installation, account: StripeAccount | None = None) -> str:
    """Return the URL where staff connect an account, or continue with that one; valid for a day."""
    return _url(BEGIN, shop, account)


def describe_requirements(account: StripeAccount) -> list[str]:
    """Describe what Stripe still requires, in merchants' terms, each requirement once."""
    return list(dict.fromkeys(_describe(each) for each in account.requirements))


def can_continue(account: StripeAccount) -> bool:
    """Whether something is left to do on Stripe."""
    return _is_usable(account) and not _is_disconnected(account) and not _is_complete(account)


def can_reconnect(account: StripeAccount) -> bool:
    """Whether it was disconnected here, and Stripe still lets the app act for it."""
    return _is_usable(account) and _is_disconnected(account)


def _is_usable(account: StripeAccount) -> bool:
    is_over = account.has_left or account.connect_state == StripeAccount.ConnectState.REJECTED
    return account.is_hosted and not is_over and platform.is_offered()


def _is_disconnected(account: StripeAccount) -> bool:
    return account.state != StripeAccount.State.CONNECTED


def free_channels(shop: Installation) -> list[str]:
    """Channels without an account: a second account must not silently take over those of the first."""
    taken = AccountChannel.objects.filter(installation=shop).values("channel_slug")
    free = existing_channels(shop).exclude(slug__in=taken)
    return list(free.values_list("slug", flat=True))


def links(account: StripeAccount) -> dict[str, str]:
    """Return where Stripe sends the browser: back at the end, and here again when its link has expired."""
    shop = account.installation
    return {"again": _url(AGAIN, shop, account), "back": _url(BACK, shop, account)}


def _page(name: str) -> Callable[[View], Callable[[HttpRequest, str], HttpResponse]]:
    """The view gets what the URL was signed for. It is not cached, not framed, and sends no referrer."""

    def guard(view: View) -> Callable[[HttpRequest, str], HttpResponse]:
        @never_cache
        @csp_override(_POLICY)
        @require_GET
        @wraps(view)
        def guarded(request: HttpRequest, token: str) -> HttpResponse:
            try:
                shop, account, known = _read(name, token)
                with deadline(SECONDS):
                    response = view(request, shop, account, known)
            except Failure as error:
                status = 422 if isinstance(error, Rejected) else 503
                response = _show(request, str(error.translatable), status=status)
            response["Referrer-Policy"] = "no-referrer"
            return response

        return guarded

    return guard


@_page(BEGIN)
def begin(
    _request: HttpRequest, shop: Installation, account: StripeAccount | None, known: int
) -> HttpResponse:
    """Redirect to Stripe's pages, with a new account or the incomplete one. Opening it twice uses the same account.

    One that was disconnected is reconnected on the page, where staff confirm it, and never by opening a link.
    """
    if account is None:
        account = connect.start(shop, free_channels(shop), known)
    elif _is_disconnected(account):
        raise _expired()
    return _redirect_to_stripe(account)


@_page(AGAIN)
def again(
    _request: HttpRequest, _shop: Installation, account: StripeAccount | None, _known: int
) -> HttpResponse:
    """Redirect to a new link for the same account, because Stripe's link has expired."""
    if account is None or _is_disconnected(account):
        raise _expired()
    return _redirect_to_stripe(account)


@_page(BACK)
def back(
    request: HttpRequest, _shop: Installation, account: StripeAccount | None, _known: int
) -> HttpResponse:
    """Handle the return from Stripe, which does not report the outcome, so its API is queried."""
    if account is None or _is_disconnected(account):
        raise _expired()
    connect.refresh(account)
    if account.takes_payments:
        message = _("“%(name)s” is connected and accepts payments.") % {"name": account.name}
        return _show(request, message)
    if account.connect_state == StripeAccount.ConnectState.REJECTED:
        return _show(request, _("Stripe rejected this account. Contact Stripe, or connect another account."))
    if account.requirements:
        message = _("Stripe needs more information before payments can start.")
        requirements = describe_requirements(account)
        return _show(request, message, requirements=requirements, continue_url=links(account)["again"])
    return _show(request, _("Stripe is reviewing your information. Payments start automatically after that."))


def _redirect_to_stripe(account: StripeAccount) -> HttpResponse:
    if _is_complete(account):
        return HttpResponseRedirect(links(account)["back"])
    return HttpResponseRedirect(connect.link(account, **links(account)))


def _is_complete(account: StripeAccount) -> bool:
    """Stripe may need more information while payments are accepted already."""
    return account.takes_payments and not account.requirements


def _show(request: HttpRequest, message: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, "dashboard/hosted.html", {"message": message, **context}, status=status)


def _describe(requirement: str) -> str:
    for prefix, description in REQUIREMENTS.items():
        if requirement.startswith(prefix):
            return str(description)
    return requirement.replace(".", " ").replace("_", " ")


def _url(name: str, shop: Installation, account: StripeAccount | None) -> str:
    known, disconnected = connect.hosted(shop.pk), connect.disconnected(shop.pk)
    account_id = str(account.pk) if account is not None else ""
    token = signing.dumps([str(shop.pk), account_id, known, disconnected], salt=name)
    return settings.PUBLIC_URL + reverse(f"dashboard:{name}", args=[token])


def _read(name: str, token: str) -> tuple[Installation, StripeAccount | None, int]:
    try:
        shop_id, account_id, known, disconnected = signing.loads(token, salt=name, max_age=VALID_SECONDS)
    except signing.BadSignature:
        raise _expired() from None
    shop = Installation.objects.filter(pk=shop_id, is_active=True).first()
    if shop is None:
        raise _expired()
    if connect.disconnected(shop.pk) > disconnected:
        # Opening an old link, which a chat's preview does too, must not undo what staff have decided since.
        raise _expired()
    if not account_id:
        return shop, None, known
    account = StripeAccount.objects.filter(
        pk=account_id, installation=shop, kind=StripeAccount.Kind.CONNECT
    ).first()
    if account is None:
        raise _expired()
    return shop, account, known


def _expired() -> Rejected:
    return Rejected(
        _("This link is no longer valid. Continue from the app's page in Saleor's Dashboard."), code="link"
    )
