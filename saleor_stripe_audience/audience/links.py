"""Signed links for mails: whoever holds one speaks for the contact. They hold no address, for addresses are logged."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from saleor_stripe_audience.audience.models import Consent, Contact, FormerContact
from saleor_stripe_audience.errors import Rejected

CONFIRMATION_DAYS = 30
_PREFERENCES = "audience.preferences"
_CONFIRMATION = "audience.confirmation"


def preferences_url(contact: Contact) -> str:
    """The page on which the contact sees and changes what it agreed to. It never ends: old mails hold it."""
    return settings.PUBLIC_URL + reverse("audience:preferences", args=[_token(contact)])


def unsubscribe_url(contact: Contact) -> str:
    """One click unsubscribes (RFC 8058, by POST); whoever opens it in a browser sees the preference page."""
    return settings.PUBLIC_URL + reverse("audience:unsubscribe", args=[_token(contact)])


def unsubscribe_headers(contact: Contact) -> dict[str, str]:
    """What every mail to the contact carries, so that mailboxes show their own button."""
    return {
        "List-Unsubscribe": f"<{unsubscribe_url(contact)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def confirmation_url(consent: Consent) -> str:
    token = signing.dumps(consent.pk, salt=_CONFIRMATION)
    return settings.PUBLIC_URL + reverse("audience:confirm", args=[token])


def contact_of_link(token: str) -> Contact | None:
    """The contact of a preference or unsubscribe link, also after it was merged; None once erased.

    `Rejected` for a link that the app did not make.
    """
    try:
        identifier = UUID(signing.loads(token, salt=_PREFERENCES))
    except signing.BadSignature:
        raise Rejected("This link is not valid.", code="link") from None
    contact = Contact.objects.filter(pk=identifier).first()
    if contact is not None:
        return contact
    former = FormerContact.objects.filter(pk=identifier).select_related("contact").first()
    return former.contact if former else None


def consent_of_link(token: str) -> Consent | None:
    """The giving that a confirmation link is for; None when it is forged, too old, or of somebody erased."""
    try:
        identifier = signing.loads(token, salt=_CONFIRMATION, max_age=CONFIRMATION_DAYS * 86400)
    except signing.BadSignature:
        return None
    return Consent.objects.filter(pk=identifier).select_related("contact").first()


def _token(contact: Contact) -> str:
    return signing.dumps(str(contact.pk), salt=_PREFERENCES)
