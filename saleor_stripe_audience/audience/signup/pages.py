"""The pages behind the links in emails: no cookies, no scripts; the signed link is enough."""

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
    """Allow GET and POST, and forbid caching, framing, indexing and referrers.

    CSRF protects cookies, and there are none: mailboxes must be able to POST.
    """

    @csrf_exempt
    @never_cache
    @csp_override(_POLICY)
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def page(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = view(request, token)
        except Rejected as error:
            if error.code not in _INVALID:
                raise
            response = _invalid(request)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return page


@_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button that confirms. Opening the link changes nothing, because mail scanners open every link."""
    consent = links.consent_of_link(token)
    if consent is None:
        return _confirm_readmission(request, token)
    contact = consent.contact
    if contact.email != consent.email:  # the email went to another mailbox
        return _invalid(request)
    with translation.override(language_of(contact)):
        if request.method != "POST":
            return _show(request, "confirm", contact, wording=wordings.text_to_confirm(consent))
        choices.confirm(consent, ip=client_ip(request))
        return _subscribed(request, contact)


def _confirm_readmission(request: HttpRequest, token: str) -> HttpResponse:
    """Show and handle the same page for an erased person who subscribes again."""
    readmitted = erased_requests.request_of(token)
    if readmitted is None:
        return _invalid(request)
    with translation.override(supported_language(readmitted.audience.language)):
        if request.method == "POST":
            return _subscribed(request, readmission.confirm(readmitted, ip=client_ip(request)))
        context = {
            "audience": sender_name(readmitted.audience),
            "address": mask(readmitted.email),
            "wording": readmitted.event.wording,
        }
        return render(request, "audience/confirm.html", context)


@_page
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    link = links.link_of(token)
    if link is None:
        return _erased(request)
    with translation.override(language_of(link.contact)):
        if request.method == "POST":
            return _save_choice(request, link)
        return _preferences(request, link)


@_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Unsubscribe at once on POST (RFC 8058); on GET show the preference page."""
    link = links.link_of(token)
    if link is None:
        return _erased(request)
    with translation.override(language_of(link.contact)):
        if request.method != "POST":
            return _preferences(request, link)
        choices.withdraw(link.contact, ip=client_ip(request), detail="one click")
        return _unsubscribed(request, link)


def _save_choice(request: HttpRequest, link: Link) -> HttpResponse:
    choice = request.POST.get("choice", "")
    if choice == "unsubscribe":
        choices.withdraw(link.contact, ip=client_ip(request), detail="preference page")
        return _unsubscribed(request, link)
    if choice == "subscribe" and link.is_current:
        choices.subscribe(link.contact, wordings.offered_text(link.contact.audience), ip=client_ip(request))
        return _subscribed(request, link.contact)
    return _preferences(request, link, status=400)


def _preferences(request: HttpRequest, link: Link, status: int = 200) -> HttpResponse:
    contact = link.contact
    if not link.is_current:
        context = {"audience": sender_name(contact.audience)}
        return render(request, "audience/former_link.html", context, status=status)
    return _show(
        request,
        "preferences",
        contact,
        status=status,
        action=links.preferences_url(contact),
        is_subscribed=contact.consent == ConsentState.CONFIRMED,
        offer=wordings.offered_text(contact.audience),
    )


def _subscribed(request: HttpRequest, contact: Contact) -> HttpResponse:
    message, link = _("You are subscribed."), links.preferences_url(contact)
    return _show(request, "done", contact, message=message, preferences=link)


def _unsubscribed(request: HttpRequest, link: Link) -> HttpResponse:
    """Confirm the unsubscription; a link that is not current does not lead to the preference page."""
    message = _("You are unsubscribed. You will not receive any more news from us.")
    preferences = links.preferences_url(link.contact) if link.is_current else ""
    return _show(request, "done", link.contact, message=message, preferences=preferences)


def _show(request: HttpRequest, name: str, contact: Contact, status: int = 200, **more: Any) -> HttpResponse:
    context = {"audience": sender_name(contact.audience), "address": mask(contact.email), **more}
    return render(request, f"audience/{name}.html", context, status=status)


def mask(address: str) -> str:
    """Mask the address: its owner recognizes it, but people who were forwarded the email cannot read it."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _erased(request: HttpRequest) -> HttpResponse:
    message = _("We store nothing about you and send you nothing.")
    return render(request, "audience/done.html", {"message": message})


def _invalid(request: HttpRequest) -> HttpResponse:
    message = _("This link is no longer valid. Subscribe again in the shop to get a new one.")
    return render(request, "audience/done.html", {"message": message}, status=404)
