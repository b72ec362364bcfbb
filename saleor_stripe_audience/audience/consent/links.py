"""Signed links for mails: whoever holds one speaks for the contact. They hold no address, for addresses are logged."""

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
    """Whose a link is. One that is not current was mailed to a former address, or was renewed since.

    Such a link only unsubscribes: it neither shows nor subscribes anybody.
    """

    contact: Contact
    is_current: bool


def preferences_url(contact: Contact) -> str:
    """The page on which the contact sees and changes what it agreed to. It never ends: old mails hold it."""
    return settings.PUBLIC_URL + reverse("audience:preferences", args=[_token(contact)])


def unsubscribe_url(contact: Contact) -> str:
    """One click unsubscribes (RFC 8058, by POST); whoever opens it in a browser sees the preference page."""
    return settings.PUBLIC_URL + reverse("audience:unsubscribe", args=[_token(contact)])


def unsubscribe_headers(contact: Contact) -> dict[str, str]:
    """What every mail to the contact carries, so that mailboxes show their own button."""
    values = {
        "List-Unsubscribe": f"<{iri_to_uri(unsubscribe_url(contact))}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return {name: OneLineHeader(name, value) for name, value in values.items()}


def confirmation_url(consent: Consent) -> str:
    token = signing.dumps(consent.pk, salt=_CONFIRMATION)
    return settings.PUBLIC_URL + reverse("audience:confirm", args=[token])


def request_url(text: str) -> str:
    """The link with which somebody who was erased confirms a written request."""
    return settings.PUBLIC_URL + reverse("audience:confirm", args=[erased_requests.token_of(text)])


def renew(contact: Contact) -> None:
    """Make new links for the contact, for old ones fell into wrong hands: from now on those only unsubscribe."""
    Contact.objects.filter(pk=contact.pk).update(link_generation=F("link_generation") + 1)
    contact.refresh_from_db(fields=["link_generation"])


def link_of(token: str) -> Link | None:
    """Whose preference or unsubscribe link it is, also after a merge; None once erased.

    `Rejected` for a link that the app did not make.
    """
    head, _, rest = token.partition(":")
    contact = _contact(_identifier(head))
    if contact is None:
        if not _is_of_any_shop(token):
            raise _invalid()
        return None
    secret = secret_of(contact.audience.installation)
    if not _is_signed(token, secret):
        raise _invalid()
    tag, is_tagged, _ = rest.rpartition(".")
    if is_tagged:
        return Link(contact, is_current=constant_time_compare(tag, _tag(contact, secret)))
    # Links of earlier versions do not say to which address they were mailed.
    is_same = contact.pk.hex == head and not contact.link_generation
    return Link(contact, is_current=is_same and not contact.former_addresses.exists())


def contact_of_link(token: str) -> Contact | None:
    """The contact of a preference or unsubscribe link; None once erased. `Rejected` as `link_of`."""
    link = link_of(token)
    return link.contact if link is not None else None


def consent_of_link(token: str) -> Consent | None:
    """The giving that a confirmation link is for; None when it is forged, too old, or of somebody erased."""
    try:
        identifier = signing.loads(token, salt=_CONFIRMATION, max_age=CONFIRMATION_DAYS * 86400)
    except signing.BadSignature:
        return None
    found = Consent.objects.filter(pk=identifier)
    return found.select_related(
        "contact__audience__installation", "audience__installation", "wording"
    ).first()


def _token(contact: Contact) -> str:
    """The contact's id, a tag that stands for its address and the links' generation, and the signature of both."""
    secret = secret_of(contact.audience.installation)
    signed = f"{contact.pk.hex}:{_tag(contact, secret)}"
    return f"{signed}.{_signature(signed, secret)}"


def _tag(contact: Contact, secret: str) -> str:
    told = f"link|{contact.email}|{contact.link_generation}"
    digest = hmac.new(secret.encode(), told.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_TAG_BYTES]).decode()


def _is_signed(token: str, secret: str) -> bool:
    """Whether the shop of that secret made the token; those of earlier versions have no tag."""
    signed, is_tagged, signature = token.rpartition(".")
    if not is_tagged:
        signed, _, signature = token.rpartition(":")
    return constant_time_compare(signature, _signature(signed, secret))


def _signature(signed: str, secret: str) -> str:
    """By the shop's own secret: the app's may change, and a link in a mail of last year must still work."""
    return str(signing.Signer(key=secret, salt=_PREFERENCES).signature(signed))


def _is_of_any_shop(token: str) -> bool:
    """Of somebody who was erased it is not known in which shop; a forged link is told the same as of anybody else."""
    return any(_is_signed(token, each.secret) for each in ShopSecret.objects.iterator())


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _invalid() from None


def _invalid() -> Rejected:
    return Rejected("This link is not valid.", code="link")


def _contact(identifier: UUID) -> Contact | None:
    contacts = Contact.objects.select_related("audience__installation")
    former = FormerContact.objects.filter(pk=identifier).values("contact")
    return contacts.filter(pk=identifier).first() or contacts.filter(pk__in=former).first()
