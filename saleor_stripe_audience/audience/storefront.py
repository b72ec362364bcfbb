"""What a shop's pages may do with a public key: subscribe and unsubscribe, without learning who is a contact.

Whatever is known of an address, the answer is the same; only what is wrong with the question itself is told.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from saleor_stripe_audience.audience import choices, confirmation, consent, limits
from saleor_stripe_audience.audience.addresses import normalised
from saleor_stripe_audience.audience.audiences import audience_of_channel
from saleor_stripe_audience.audience.consent import Word
from saleor_stripe_audience.audience.contacts import Person, contact_of, holder_of
from saleor_stripe_audience.audience.models import Audience, Consent, Contact, StorefrontKey
from saleor_stripe_audience.audience.orders import language_tag
from saleor_stripe_audience.audience.status import ConsentState
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.models import Installation

MARK = "ssp_"  # public: it stands in the shop's pages
KEY_BYTES = 24
MOST_ORIGINS = 50

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PER_CALLER = 30  # a minute
PER_SHOP = 1200  # a minute
PER_ADDRESS = 10  # an hour

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")


def subscribe(
    installation: Installation,
    channel: str,
    email: str,
    consent_text: str = "",
    *,
    language: str = "",
    detail: str = "",
    ip: str = "",
) -> None:
    """Somebody asks for the news of the channel's audience, having read `consent_text`.

    It counts at once, or once it is confirmed from the mailbox: where the audience wants that, and always where the
    address had withdrawn before. `Rejected` for what is wrong with the question, and for asking too often.
    """
    _check_pace(installation, ip)
    address = _address(email)
    spoken = _language(language)
    _check_channel(installation, channel)
    if not limits.within(f"{installation.pk}|address|{address}", PER_ADDRESS, HOUR):
        return
    with transaction.atomic():
        audience = audience_of_channel(installation, channel)
        contact = _contact(audience, address, spoken)
        # The same is refused for everybody, also for whom nothing is kept.
        wording = consent_text.strip() or audience.consent_text
        consent.check_wording(wording)
        if contact is None:  # erased
            return
        written = consent.record(
            contact,
            Word(
                Consent.Kind.GIVEN,
                timezone.now(),
                Consent.Source.STOREFRONT,
                wording=wording,
                source_detail=detail,
                ip=ip,
                needs_confirmation=audience.double_opt_in or contact.consent == ConsentState.WITHDRAWN,
            ),
        )
        confirmation.ask_if_needed(contact, written)


def unsubscribe(
    installation: Installation, channel: str, email: str, *, detail: str = "", ip: str = ""
) -> None:
    """Somebody wants no news of the channel's audience any more; at once, as easily as it was given."""
    _check_pace(installation, ip)
    address = _address(email)
    _check_channel(installation, channel)
    with transaction.atomic():
        contact = holder_of(audience_of_channel(installation, channel), address)
        if contact is not None:
            choices.withdraw(contact, Consent.Source.STOREFRONT, ip=ip, detail=detail)


def audience_for(installation: Installation, channel: str) -> Audience:
    """The audience that the channel's pages subscribe to: its name and wording are for everybody to read."""
    _check_channel(installation, channel)
    with transaction.atomic():
        return audience_of_channel(installation, channel)


def create_key(installation: Installation, origins: Sequence[str], name: str = "") -> StorefrontKey:
    """A new public key for the shop's own pages. `Rejected` names the origin that is none."""
    own = sorted({_origin(each) for each in origins})
    if not own or len(own) > MOST_ORIGINS:
        raise Rejected(f"Give 1 to {MOST_ORIGINS} origins, such as https://shop.example.com.", code="origins")
    return StorefrontKey.objects.create(
        installation=installation, key=MARK + secrets.token_urlsafe(KEY_BYTES), name=name[:200], origins=own
    )


def revoke_key(key: StorefrontKey) -> None:
    """The key is good for nothing from now on. Revoking it again keeps the first time."""
    StorefrontKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db()


def find_key(text: str) -> StorefrontKey | None:
    """The key of an installed shop, unless it was revoked."""
    usable = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return usable.filter(key=text).select_related("installation").first()


def is_known_origin(origin: str) -> bool:
    """Whether any shop names the origin as its own."""
    usable = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return any(origin in origins for origins in usable.values_list("origins", flat=True))


def _contact(audience: Audience, address: str, language: str) -> Contact | None:
    """Found or made. Of a contact who is known already, a stranger's word changes nothing but consent."""
    is_known = holder_of(audience, address) is not None
    profile = {"language": language} if language and not is_known else {}
    return contact_of(audience, Person(address, None, profile, timezone.now()))


def _check_pace(installation: Installation, ip: str) -> None:
    caller = limits.within(f"{installation.pk}|caller|{ip}", PER_CALLER, MINUTE)
    shop = limits.within(f"{installation.pk}|shop", PER_SHOP, MINUTE)
    if not caller or not shop:
        raise Rejected("Too many requests. Wait a minute and try again.", code="rate_limited")


def _address(email: str) -> str:
    try:
        return normalised(email)
    except Rejected:
        raise Rejected("Give an e-mail address that can be written to.", code="email_invalid") from None


def _check_channel(installation: Installation, channel: str) -> None:
    if not installation.channels.filter(slug=channel).exists():
        raise Rejected("The shop has no such channel.", code="channel")


def _language(text: str) -> str:
    if text and not _LANGUAGE.fullmatch(text):
        raise Rejected("Give the language as a tag, such as en or fr-CA, or leave it out.", code="language")
    return language_tag(text)


def _origin(text: str) -> str:
    """Scheme, host and port, as browsers send it."""
    parts = urlsplit(text.strip().lower())
    origin = f"{parts.scheme}://{parts.netloc}"
    if not _ORIGIN.fullmatch(origin) or parts.path.strip("/") or parts.query:
        raise Rejected(
            f"{text[:80]} is not an origin. Give scheme and host, such as https://shop.example.com.",
            code="origins",
        )
    return origin
