"""Signed links for emails: their holder acts for the contact. They contain no address, because servers log URLs."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.encoding import iri_to_uri

from saleor_stripe_audience.audience.consent import erased_requests
from saleor_stripe_audience.audience.consent.headers import OneLineHeader
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact, FormerContact, ShopSecret
from saleor_stripe_audience.audience.people.secret import secret_of
from saleor_stripe_audience.errors import Rejected

CONFIRMATION_DAYS = 30
_PREFERENCES = "audience.preferences"
_CONFIRMATION = "audience.confirmation"
_TAG_BYTES = 9


@dataclass(frozen=True, slots=True)
class Link:
    """The contact of a link. A link that is not current was emailed to a former address, or was renewed later.

    Such a link can only unsubscribe: it shows no data and subscribes nobody.
    """

    contact: Contact
    is_current: bool


def preferences_url(contact: Contact) -> str:
    """Return the URL of the preference page. It never expires, because old emails contain it."""
    return settings.PUBLIC_URL + reverse("audience:preferences", args=[_token(contact)])


def unsubscribe_url(contact: Contact) -> str:
    """Return the one-click unsubscribe URL (RFC 8058, by POST); in a browser it shows the preference page."""
    return settings.PUBLIC_URL + reverse("audience:unsubscribe", args=[_token(contact)])


def unsubscribe_headers(contact: Contact) -> dict[str, str]:
    """Return the headers of every email to the contact, so that mailboxes show their own unsubscribe button."""
    values = {
        "List-Unsubscribe": f"<{iri_to_uri(unsubscribe_url(contact))}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return {name: OneLineHeader(name, value) for name, value in values.items()}


def confirmation_url(consent: Consent) -> str:
    token = signing.dumps(consent.pk, salt=_CONFIRMATION)
    return settings.PUBLIC_URL + reverse("audience:confirm", args=[token])


def request_url(text: str) -> str:
    """Return the URL with which an erased person confirms a serialized request."""
    return settings.PUBLIC_URL + reverse("audience:confirm", args=[erased_requests.token_of(text)])


def renew(contact: Contact) -> None:
    """Renew the contact's links after old ones fell into the wrong hands: those can only unsubscribe from now on."""
    Contact.objects.filter(pk=contact.pk).update(link_generation=F("link_generation") + 1)
    contact.refresh_from_db(fields=["link_generation"])


def link_of(token: str) -> Link | None:
    """Return the contact of a preference or unsubscribe link, also after a merge; None if it was erased.

    `Rejected` for a link that the app did not create.
    """
    head, _, rest = token.partition(":")
    try:
        contact_id = UUID(head)
    except ValueError:
        raise _invalid() from None
    contacts = Contact.objects.select_related("audience__installation")
    former = FormerContact.objects.filter(pk=contact_id).values("contact")
    contact = contacts.filter(pk=contact_id).first() or contacts.filter(pk__in=former).first()
    if contact is None:
        # Which shop erased the contact is unknown, so any shop's signature counts. A forged link is still refused.
        if not any(_is_signed(token, each.secret) for each in ShopSecret.objects.iterator()):
            raise _invalid()
        return None
    secret = secret_of(contact.audience.installation)
    if not _is_signed(token, secret):
        raise _invalid()
    tag, is_tagged, _ = rest.rpartition(".")
    if is_tagged:
        return Link(contact, is_current=constant_time_compare(tag, _tag(contact, secret)))
    # Links from earlier versions do not identify the address that they were emailed to.
    is_same = contact.pk.hex == head and not contact.link_generation
    return Link(contact, is_current=is_same and not contact.former_addresses.exists())


def contact_of_link(token: str) -> Contact | None:
    """Return the contact of a preference or unsubscribe link; None if it was erased. `Rejected` as in `link_of`."""
    link = link_of(token)
    return link.contact if link is not None else None


def consent_of_link(token: str) -> Consent | None:
    """Return the consent of a confirmation link; None if it is forged, has expired, or the person was erased."""
    try:
        consent_id = signing.loads(token, salt=_CONFIRMATION, max_age=CONFIRMATION_DAYS * 86400)
    except signing.BadSignature:
        return None
    consents = Consent.objects.filter(pk=consent_id)
    return consents.select_related(
        "contact__audience__installation", "audience__installation", "wording"
    ).first()


def _token(contact: Contact) -> str:
    """Return the contact's id, a tag for its address and link generation, and the signature of both."""
    secret = secret_of(contact.audience.installation)
    signed = f"{contact.pk.hex}:{_tag(contact, secret)}"
    return f"{signed}.{_signature(signed, secret)}"


def _tag(contact: Contact, secret: str) -> str:
    message = f"link|{contact.email}|{contact.link_generation}"
    digest = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_TAG_BYTES]).decode()


def _is_signed(token: str, secret: str) -> bool:
    """Whether the shop with this secret signed the token; tokens from earlier versions have no tag."""
    signed, is_tagged, signature = token.rpartition(".")
    if not is_tagged:
        signed, _, signature = token.rpartition(":")
    return constant_time_compare(signature, _signature(signed, secret))


def _signature(signed: str, secret: str) -> str:
    """Sign with the shop's secret: the app's may change, and a link in last year's email must still work."""
    return str(signing.Signer(key=secret, salt=_PREFERENCES).signature(signed))


def _invalid() -> Rejected:
    return Rejected("This link is not valid.", code="link")
