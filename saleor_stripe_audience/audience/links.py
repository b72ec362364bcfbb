"""Signed links for mails: whoever holds one speaks for the contact. They hold no address, for addresses are logged."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from saleor_stripe_audience.audience.models import Consent, Contact, FormerContact
from saleor_stripe_audience.audience.secret import secret_of
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.models import Installation

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
    identifier = _identifier(token)
    contact = _contact(identifier)
    if contact is None:
        return None
    try:
        _signer(contact.audience.installation).unsign(token)
    except signing.BadSignature:
        raise Rejected("This link is not valid.", code="link") from None
    return contact


def consent_of_link(token: str) -> Consent | None:
    """The giving that a confirmation link is for; None when it is forged, too old, or of somebody erased."""
    try:
        identifier = signing.loads(token, salt=_CONFIRMATION, max_age=CONFIRMATION_DAYS * 86400)
    except signing.BadSignature:
        return None
    return Consent.objects.filter(pk=identifier).select_related("contact__audience").first()


def _token(contact: Contact) -> str:
    return _signer(contact.audience.installation).sign(contact.pk.hex)


def _signer(installation: Installation) -> signing.Signer:
    """By the shop's own secret: the app's may change, and a link in a mail of last year must still work."""
    return signing.Signer(key=secret_of(installation), salt=_PREFERENCES)


def _identifier(token: str) -> UUID:
    try:
        return UUID(token.partition(":")[0])
    except ValueError:
        raise Rejected("This link is not valid.", code="link") from None


def _contact(identifier: UUID) -> Contact | None:
    contacts = Contact.objects.select_related("audience__installation")
    former = FormerContact.objects.filter(pk=identifier).values("contact")
    return contacts.filter(pk=identifier).first() or contacts.filter(pk__in=former).first()
