"""The pages behind the links in mails: no cookie, no script; the signed link is all that is needed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience.consent import choices, erased_requests, links, wordings
from saleor_stripe_audience.audience.consent.links import Link
from saleor_stripe_audience.audience.consent.mail import language_of, supported_language
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.people.status import ConsentState
from saleor_stripe_audience.audience.signup import readmission
from saleor_stripe_audience.client_address import client_ip
from saleor_stripe_audience.errors import Rejected

_INVALID = frozenset({"link", "withdrawn_since", "address_changed"})

View = Callable[[HttpRequest, str], HttpResponse]

_POLICY = {
    "default-src": CSP.NONE,
    "style-src": CSP.SELF,
    "form-action": CSP.SELF,
    "base-uri": CSP.NONE,
    "frame-ancestors": CSP.NONE,
}


def _page(view: View) -> View:
    """GET and POST of a page that is kept by nobody and framed by nobody, and whose address is told to nobody.

    CSRF protects cookies, and there are none: mailboxes must be able to POST.
    """

    @csrf_exempt
    @never_cache
    @csp_override(_POLICY)
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def shown(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except Rejected as refused:
            if refused.code not in _INVALID:
                raise
            response = _invalid(request)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return shown


@_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link changes nothing: programs that look through mails open every link. The button does."""
    given = links.consent_of_link(token)
    if given is None:
        return _confirm_request(request, token)
    contact = given.contact
    if contact.email != given.email:  # the mail went to another mailbox
        return _invalid(request)
    with translation.override(language_of(contact)):
        if request.method != "POST":
            return _show(request, "confirm", contact, wording=wordings.shown_to_person(given))
        choices.confirm(given, ip=client_ip(request))
        return _subscribed(request, contact)


def _confirm_request(request: HttpRequest, token: str) -> HttpResponse:
    """The same for somebody who was erased and wants to come back."""
    asked = erased_requests.request_of(token)
    if asked is None:
        return _invalid(request)
    with translation.override(supported_language(asked.audience.language)):
        if request.method == "POST":
            return _subscribed(request, readmission.confirm(asked, ip=client_ip(request)))
        facts = {
            "audience": sender_name(asked.audience),
            "address": _hidden(asked.email),
            "wording": asked.word.wording,
        }
        return render(request, "audience/confirm.html", facts)


@_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    link = links.link_of(token)
    if link is None:
        return _erased(request)
    with translation.override(language_of(link.contact)):
        if request.method == "POST":
            return _chosen(request, link)
        return _preferences(request, link)


@_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A POST unsubscribes at once (RFC 8058); a person who opens the link sees the preference page."""
    link = links.link_of(token)
    if link is None:
        return _erased(request)
    with translation.override(language_of(link.contact)):
        if request.method != "POST":
            return _preferences(request, link)
        choices.withdraw(link.contact, ip=client_ip(request), detail="one click")
        return _unsubscribed(request, link)


def _chosen(request: HttpRequest, link: Link) -> HttpResponse:
    choice = request.POST.get("choice", "")
    if choice == "unsubscribe":
        choices.withdraw(link.contact, ip=client_ip(request), detail="preference page")
        return _unsubscribed(request, link)
    if choice == "subscribe" and link.is_current:
        choices.subscribe(link.contact, wordings.offer(link.contact.audience), ip=client_ip(request))
        return _subscribed(request, link.contact)
    return _preferences(request, link, status=400)


def _preferences(request: HttpRequest, link: Link, status: int = 200) -> HttpResponse:
    contact = link.contact
    if not link.is_current:
        facts = {"audience": sender_name(contact.audience)}
        return render(request, "audience/former_link.html", facts, status=status)
    return _show(
        request,
        "preferences",
        contact,
        status=status,
        action=links.preferences_url(contact),
        is_subscribed=contact.consent == ConsentState.CONFIRMED,
        offer=wordings.offer(contact.audience),
    )


def _subscribed(request: HttpRequest, contact: Contact) -> HttpResponse:
    told = _("You are subscribed.")
    return _show(request, "done", contact, told=told, again=links.preferences_url(contact))


def _unsubscribed(request: HttpRequest, link: Link) -> HttpResponse:
    """Who came by a link that is not current gets no new one here."""
    told = _("You are unsubscribed. You get no more news from us.")
    again = links.preferences_url(link.contact) if link.is_current else ""
    return _show(request, "done", link.contact, told=told, again=again)


def _show(request: HttpRequest, name: str, contact: Contact, status: int = 200, **facts: Any) -> HttpResponse:
    context = {"audience": sender_name(contact.audience), "address": _hidden(contact.email), **facts}
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
