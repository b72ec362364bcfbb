"""Subscribing and unsubscribing from a shop's pages with a public key, without revealing who is a contact.

The response and the work are the same for every address: the request is checked and handed to a task. Only errors of
the request itself are reported.
"""

import ipaddress
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.db import transaction
from django.tasks import task
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience import vault
from saleor_stripe_audience.audience.consent import choices, confirmation, early_withdrawals, ledger, wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts.identity import Person, find_by_address, upsert_contact
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import audience_of_channel, hold_shop
from saleor_stripe_audience.audience.people.mailboxes import mailbox_of
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.people.payloads import language_tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.signup import limits, readmission
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation
from saleor_stripe_audience.wording import with_values

log = structlog.get_logger(__name__)

KEY_PREFIX = "ssp_"  # public: the key is visible in the shop's pages
KEY_BYTES = 24
MAX_ORIGINS = 50
LONGEST_ORIGIN = 300  # characters: a domain has 253

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PER_CALLER = 30  # per minute, from one IPv4 address or one IPv6 network of 64 bits
PER_SHOP = 1200  # per minute, of valid requests
PER_ADDRESS = 10  # per hour, for one mailbox
IPV6_NETWORK = 64  # bits: what a provider usually assigns to one subscriber

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_KEY = re.compile(r"ssp_[A-Za-z0-9_-]{10,60}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # databases refuse NUL and lone surrogates
_SUBSCRIBE, _UNSUBSCRIBE = "subscribe", "unsubscribe"


@dataclass(frozen=True, slots=True)
class _Request:
    """A checked request of a page, made at `at`. It is encrypted for its task, because it contains an address."""

    act: str
    installation: str
    channel: str
    email: str
    at: str
    consent_text: str = ""
    language: str = ""
    detail: str = ""
    ip: str = ""


def enqueue_subscribe(
    installation: Installation,
    channel: str,
    email: str,
    consent_text: str = "",
    *,
    language: str = "",
    detail: str = "",
    ip: str = "",
) -> None:
    """Check a subscription and leave it to a task; the errors are those of `subscribe`."""
    request = _check_subscription(installation, channel, email, consent_text, language, detail, ip)
    if request is not None:
        _enqueue(request)


def enqueue_unsubscribe(
    installation: Installation, channel: str, email: str, *, detail: str = "", ip: str = ""
) -> None:
    """Check an unsubscription and leave it to a task; the errors are those of `unsubscribe`."""
    _enqueue(_check(_UNSUBSCRIBE, installation, channel, email, detail, ip))


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
    """Subscribe an address to the channel's audience, with the wording `consent_text`.

    It takes effect immediately, or once it is confirmed by email: with double opt-in, if the merchant did not write the
    wording, and always if the address had unsubscribed or was erased before. `Rejected` for an invalid request, or too
    many.
    """
    request = _check_subscription(installation, channel, email, consent_text, language, detail, ip)
    if request is not None:
        _subscribe(installation, request)


def unsubscribe(
    installation: Installation, channel: str, email: str, *, detail: str = "", ip: str = ""
) -> None:
    """Unsubscribe an address from all audiences of the shop, immediately and without limit. `Rejected` if invalid."""
    _unsubscribe(installation, _check(_UNSUBSCRIBE, installation, channel, email, detail, ip))


def work(text: str) -> None:
    """Handle an encrypted request; does nothing if the shop was deleted in the meantime."""
    request = _Request(**json.loads(vault.decrypt(text)))
    installation = Installation.objects.filter(pk=UUID(request.installation)).first()
    if installation is None:
        return
    if request.act == _SUBSCRIBE:
        _subscribe(installation, request)
    else:
        _unsubscribe(installation, request)


def _check_subscription(
    installation: Installation,
    channel: str,
    email: str,
    consent_text: str,
    language: str,
    detail: str,
    ip: str,
) -> _Request | None:
    """Return the checked request; None if the mailbox has reached its limit for the hour.

    Refused requests count only for their caller, so that nobody can lock out a shop's other visitors.
    """
    if not limits.allow(f"{installation.pk}|caller|{_network(ip)}", PER_CALLER, MINUTE):
        raise _too_many()
    request = _check(_SUBSCRIBE, installation, channel, email, detail, ip)
    request = replace(request, consent_text=consent_text.strip(), language=_language(language))
    _check_wording(installation, channel, request.consent_text)
    if not limits.allow(f"{installation.pk}|shop", PER_SHOP, MINUTE):
        raise _too_many()
    mailbox = f"{installation.pk}|mailbox|{mailbox_of(request.email)}"
    return request if limits.allow(mailbox, PER_ADDRESS, HOUR) else None


def _check(act: str, installation: Installation, channel: str, email: str, detail: str, ip: str) -> _Request:
    address = _address(email)
    _check_channel(installation, channel)
    _check_storable(detail, "source")
    at = timezone.now().isoformat()
    return _Request(act, str(installation.pk), channel, address, at, detail=detail[:128], ip=ip)


def _enqueue(request: _Request) -> None:
    work_storefront_request.enqueue(vault.encrypt(json.dumps(asdict(request))))


@task
def work_storefront_request(request: str) -> None:
    """Handle a page's request; `request` is encrypted, because it contains an address."""
    work(request)


def _subscribe(installation: Installation, request: _Request) -> None:
    at = datetime.fromisoformat(request.at)
    with hold_shop(installation) as shop:
        audience = shop.audience_of_channel(request.channel)
        proof = wordings.proof_of(audience, request.consent_text, at)
        event = ConsentEvent(
            Consent.Kind.GIVEN,
            at,
            Consent.Source.STOREFRONT,
            wording=proof.text,
            wording_origin=proof.origin,
            source_detail=request.detail,
            ip=request.ip,
            needs_confirmation=audience.double_opt_in or not proof.is_good,
        )
        # A stranger's request changes nothing but the consent of an existing contact.
        is_known = find_by_address(audience, request.email) is not None
        profile = {"language": request.language} if request.language and not is_known else {}
        contact = upsert_contact(shop, audience, Person(request.email, None, profile, timezone.now()))
        if contact is None:  # erased
            readmission.request_confirmation(audience, request.email, event)
            return
        if erasure.last_erased_at(installation, contact) is not None:
            event = replace(event, needs_confirmation=True)
        confirmation.request_if_needed(contact, ledger.record(contact, event))


def _unsubscribe(installation: Installation, request: _Request) -> None:
    at = datetime.fromisoformat(request.at)
    with hold_shop(installation) as shop:
        first = shop.audience_of_channel(request.channel)
        others = Audience.objects.filter(installation=installation).exclude(pk=first.pk)
        audiences = [first, *others.order_by("created_at", "pk")]
        contacts = [each for audience in audiences if (each := find_by_address(audience, request.email))]
        for contact in contacts:
            source = Consent.Source.STOREFRONT
            choices.withdraw(contact, source, ip=request.ip, detail=request.detail, at=at)
        # Nobody can fill the table with invented addresses; a contact is unsubscribed in any case.
        caller = f"{installation.pk}|early|{_network(request.ip)}"
        if len(contacts) < len(audiences) and limits.allow(caller, PER_CALLER, MINUTE):
            early_withdrawals.remember(installation, request.email, at)


def audience_for(installation: Installation, channel: str) -> Audience:
    """Return the audience that the channel's pages subscribe to; its name and wording are public."""
    _check_channel(installation, channel)
    with transaction.atomic():
        return audience_of_channel(installation, channel)


def create_key(
    installation: Installation, origins: Sequence[str], name: str = "", form: UUID | None = None
) -> StorefrontKey:
    """Create a public key for the shop's own pages. The same `form` again returns the key that it created.

    `Rejected` names an invalid origin.
    """
    own = sorted({_origin(each) for each in origins})
    if not own or len(own) > MAX_ORIGINS:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff", "Give 1 to {most} addresses of sites, such as https://shop.example.com."
                ),
                most=MAX_ORIGINS,
            ),
            code="origins",
        )
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    values = {"key": key, "name": name[:200], "origins": own}
    if form is None:
        return StorefrontKey.objects.create(installation=installation, **values)
    made, _ = StorefrontKey.objects.get_or_create(installation=installation, form=form, defaults=values)
    return made


def revoke_key(key: StorefrontKey) -> None:
    """Revoke the key. Repeating it keeps the first time."""
    StorefrontKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db()


def find_key(text: str) -> StorefrontKey | None:
    """Return the active key of an installed shop, or None."""
    if not _KEY.fullmatch(text):
        return None
    active = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return active.filter(key=text).select_related("installation").first()


def is_known_origin(origin: str) -> bool:
    """Whether any shop has the origin among its own."""
    active = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return any(origin in origins for origins in active.values_list("origins", flat=True))


def _too_many() -> Rejected:
    return Rejected(
        pgettext_lazy("staff", "Too many requests. Wait a minute and try again."), code="rate_limited"
    )


def _network(ip: str) -> str:
    """Return the caller's IPv4 address, or the IPv6 network that its provider assigned."""
    if not ip:
        return ""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, IPV6_NETWORK), strict=False))


def _address(email: str) -> str:
    try:
        return normalize_email("" if _UNSTORABLE.search(email) else email)
    except Rejected:
        raise Rejected(pgettext_lazy("staff", "Give a valid email address."), code="email_invalid") from None


def _check_wording(installation: Installation, channel: str, text: str) -> None:
    """`Rejected` if there would be no wording; the same for every address, even if nothing would be stored."""
    _check_storable(text, "consent_text")
    if not text:
        text = audience_for(installation, channel).consent_text
    ledger.check_wording(text)


def _check_storable(text: str, code: str) -> None:
    if _UNSTORABLE.search(text):
        raise Rejected(
            pgettext_lazy("staff", "The text has characters that cannot be stored. Send it in UTF-8."),
            code=code,
        )


def _check_channel(installation: Installation, channel: str) -> None:
    if _UNSTORABLE.search(channel) or not installation.channels.filter(slug=channel).exists():
        raise Rejected(pgettext_lazy("staff", "The shop has no such channel."), code="channel")


def _language(text: str) -> str:
    if text and not _LANGUAGE.fullmatch(text):
        raise Rejected(
            pgettext_lazy("staff", "Give the language as a tag, such as en or fr-CA, or leave it out."),
            code="language",
        )
    return language_tag(text)


def _origin(text: str) -> str:
    """Return scheme, host and port, as browsers send an origin."""
    origin = _origin_of_url(text.strip().lower())
    if origin is None:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "{text} is not a site's address. Give it without a path and in ASCII, such as "
                    "https://shop.example.com, or https://xn--mller-kva.example for müller.example.",
                ),
                text=text[:80],
            ),
            code="origins",
        )
    return origin


def _origin_of_url(text: str) -> str | None:
    """Return the origin of a URL; None if it is not a URL, or has more than an origin."""
    if len(text) > LONGEST_ORIGIN:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # an error beyond 65535
    except ValueError:
        return None
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    origin = f"{parts.scheme}://{parts.netloc.removesuffix(default)}"  # browsers leave the default port out
    is_all = _ORIGIN.fullmatch(origin) and not parts.path.strip("/") and not parts.query
    return origin if is_all else None
