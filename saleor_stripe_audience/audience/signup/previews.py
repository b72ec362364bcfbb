"""Previews of an audience's email and pages for staff. They create no contact, link or consent."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent import mail, wordings
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.signup.pages import mask

MAIL, CONFIRM, OFFER, SUBSCRIBED, UNSUBSCRIBED = "mail", "confirm", "offer", "subscribed", "unsubscribed"
NAMES = (MAIL, CONFIRM, OFFER, SUBSCRIBED, UNSUBSCRIBED)
LANGUAGES = tuple(settings.LANGUAGES)
ADDRESS = "customer@example.com"
NOWHERE = "about:srcdoc#"  # in the preview's frame, a link leads to where one is


@dataclass(frozen=True, slots=True)
class Preview:
    """A document as recipients see it, in one language; an email also has a sender and a subject."""

    document: str
    sender: str = ""
    subject: str = ""


def preview(audience: Audience, name: str, language: str, wording: str = "") -> Preview:
    """Return the email or page in the language, with this `wording` or the audience's own."""
    with translation.override(mail.supported_language(language)):
        text = wording.strip() or wordings.offered_text(audience)
        if name == MAIL:
            return _mail(audience, text)
        template, context = _pages(text)[name]
        shown = {"audience": sender_name(audience), "address": mask(ADDRESS), "action": NOWHERE, **context}
        return Preview(render_to_string(f"audience/{template}.html", shown))


def _mail(audience: Audience, wording: str) -> Preview:
    context = {"wording": wording, "confirm": NOWHERE, "preferences": NOWHERE, "is_preview": "yes"}
    message = mail.compose_confirmation(audience, ADDRESS, context, {})
    document, _kind = message.alternatives[0]
    sender = sender_name(audience)
    if settings.EMAIL_CONFIGURED:  # as a reader sees it: the email's own header is encoded for transport
        sender = f"{sender} <{settings.DEFAULT_FROM_EMAIL}>"
    return Preview(str(document), sender, str(message.subject))


def _pages(wording: str) -> dict[str, tuple[str, dict[str, Any]]]:
    farewell = _("You are unsubscribed. You will not receive any more news from us.")
    return {
        CONFIRM: ("confirm", {"wording": wording}),
        OFFER: ("preferences", {"is_subscribed": False, "offer": wording}),
        SUBSCRIBED: ("preferences", {"is_subscribed": True}),
        UNSUBSCRIBED: ("done", {"message": farewell, "preferences": NOWHERE}),
    }
