"""The pages behind the links in mails: no cookie, no script; the signed link is all that is needed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience import choices, links
from saleor_stripe_audience.audience.mail import language_of
from saleor_stripe_audience.audience.models import Consent, Contact
from saleor_stripe_audience.audience.status import ConsentState
from saleor_stripe_audience.client_address import client_ip
from saleor_stripe_audience.errors import Rejected

_INVALID = frozenset({"link", "withdrawn_since"})

View = Callable[[HttpRequest, str], HttpResponse]

_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def _page(view: View) -> View:
    """GET and POST of a page that is kept by nobody and framed by nobody, and whose address is told to nobody.

    CSRF protects cookies, and there are none: mailboxes must be able to POST.
    """

    @csrf_exempt
    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def shown(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except Rejected as refused:
            if refused.code not in _INVALID:
                raise
            response = _invalid(request)
        response["Content-Security-Policy"] = _POLICY
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return shown


@_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link changes nothing: programs that look through mails open every link. The button does."""
    given = links.consent_of_link(token)
    if given is None:
        return _invalid(request)
    with translation.override(language_of(given.contact)):
        if request.method != "POST":
            return _show(request, "confirm", given.contact, wording=_agreed_to(given))
        choices.confirm(given, ip=client_ip(request))
        return _show(
            request,
            "done",
            given.contact,
            told=_("You are subscribed."),
            again=links.preferences_url(given.contact),
        )


@_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    contact = links.contact_of_link(token)
    if contact is None:
        return _erased(request)
    with translation.override(language_of(contact)):
        if request.method == "POST":
            return _chosen(request, contact)
        return _preferences(request, contact)


@_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A POST unsubscribes at once (RFC 8058); a person who opens the link sees the preference page."""
    contact = links.contact_of_link(token)
    if contact is None:
        return _erased(request)
    with translation.override(language_of(contact)):
        if request.method != "POST":
            return _preferences(request, contact)
        choices.withdraw(contact, ip=client_ip(request), detail="one click")
        return _unsubscribed(request, contact)


def _chosen(request: HttpRequest, contact: Contact) -> HttpResponse:
    choice = request.POST.get("choice", "")
    if choice == "unsubscribe":
        choices.withdraw(contact, ip=client_ip(request), detail="preference page")
        return _unsubscribed(request, contact)
    if choice == "subscribe":
        choices.subscribe(contact, _offer(contact), ip=client_ip(request))
        return _show(
            request, "done", contact, told=_("You are subscribed."), again=links.preferences_url(contact)
        )
    return _preferences(request, contact, status=400)


def _preferences(request: HttpRequest, contact: Contact, status: int = 200) -> HttpResponse:
    return _show(
        request,
        "preferences",
        contact,
        status=status,
        action=links.preferences_url(contact),
        is_subscribed=contact.consent == ConsentState.CONFIRMED,
        offer=_offer(contact),
    )


def _unsubscribed(request: HttpRequest, contact: Contact) -> HttpResponse:
    told = _("You are unsubscribed. You get no more news from us.")
    return _show(request, "done", contact, told=told, again=links.preferences_url(contact))


def _offer(contact: Contact) -> str:
    """What one agrees to on the page: it is shown there, and kept in the ledger word for word."""
    return contact.audience.consent_text or _("I agree to receive news from %(audience)s by e-mail.") % {
        "audience": contact.audience.name
    }


def _agreed_to(given: Consent) -> str:
    return given.wording.text if given.wording else ""


def _show(request: HttpRequest, name: str, contact: Contact, status: int = 200, **facts: Any) -> HttpResponse:
    context = {"audience": contact.audience.name, "address": _hidden(contact.email), **facts}
    return render(request, f"audience/{name}.html", context, status=status)


def _hidden(address: str) -> str:
    """Enough for its owner to know it, not for whoever a mail was forwarded to."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _erased(request: HttpRequest) -> HttpResponse:
    return render(
        request, "audience/done.html", {"told": _("We hold nothing about you, and send you nothing.")}
    )


def _invalid(request: HttpRequest) -> HttpResponse:
    told = _("This link is not valid any more. Subscribe again in the shop to get a new one.")
    return render(request, "audience/done.html", {"told": told}, status=404)
