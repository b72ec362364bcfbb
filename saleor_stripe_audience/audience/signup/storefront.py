"""What a shop's pages may do with a public key: subscribe and unsubscribe, without learning who is a contact.

Whatever is known of an address, the answer is the same and takes the same work: the question is checked and handed to
a task. Only what is wrong with the question itself is told.
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

from saleor_stripe_audience import vault
from saleor_stripe_audience.audience.consent import choices, confirmation, ledger, wordings
from saleor_stripe_audience.audience.consent.ledger import ConsentEvent
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.contacts.identity import Person, find_by_address, upsert_contact
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import audience_of_channel
from saleor_stripe_audience.audience.people.mailboxes import mailbox_of
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.people.payloads import language_tag
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.signup import limits, readmission
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Installation

log = structlog.get_logger(__name__)

MARK = "ssp_"  # public: it stands in the shop's pages
KEY_BYTES = 24
MOST_ORIGINS = 50

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PER_CALLER = 30  # a minute, of one IPv4 address or one IPv6 network of 64 bits
PER_SHOP = 1200  # a minute, of those that are not refused
PER_ADDRESS = 10  # an hour, of one mailbox
IPV6_NETWORK = 64  # bits: what one subscriber of a provider usually has

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_KEY = re.compile(r"ssp_[A-Za-z0-9_-]{10,60}")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")  # no database keeps NUL and halves of surrogate pairs
_SUBSCRIBE, _UNSUBSCRIBE = "subscribe", "unsubscribe"


@dataclass(frozen=True, slots=True)
class _Question:
    """What a page asks, checked; `at` is when. It travels to its task encrypted, for it holds an address."""

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
    """Leave a subscription to a task; see `subscribe`, which answers the same."""
    asked = _subscription(installation, channel, email, consent_text, language, detail, ip)
    if asked is not None:
        _hand_over(asked)


def enqueue_unsubscribe(
    installation: Installation, channel: str, email: str, *, detail: str = "", ip: str = ""
) -> None:
    """Leave the end of a subscription to a task; see `unsubscribe`, which answers the same."""
    _hand_over(_ending(installation, channel, email, detail, ip))


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

    It counts at once, or once it is confirmed from the mailbox: where the audience wants that, where the merchant did
    not write the words, and always where the address had refused or was erased before. `Rejected` for what is wrong
    with the question, and for asking too often.
    """
    asked = _subscription(installation, channel, email, consent_text, language, detail, ip)
    if asked is not None:
        _subscribe(installation, asked)


def unsubscribe(
    installation: Installation, channel: str, email: str, *, detail: str = "", ip: str = ""
) -> None:
    """Somebody wants no news of the shop any more; at once, as easily as it was given, and however often."""
    _unsubscribe(installation, _ending(installation, channel, email, detail, ip))


def work(text: str) -> None:
    """Do what a page asked before; nothing for a shop or channel that is gone since."""
    told = json.loads(vault.decrypt(text))
    asked = _Question(**told)
    installation = Installation.objects.filter(pk=UUID(asked.installation)).first()
    if installation is None:
        return
    if asked.act == _SUBSCRIBE:
        _subscribe(installation, asked)
    else:
        _unsubscribe(installation, asked)


def _subscription(
    installation: Installation,
    channel: str,
    email: str,
    consent_text: str,
    language: str,
    detail: str,
    ip: str,
) -> _Question | None:
    """The checked question; None where the mailbox was subscribed often enough within the hour.

    What is refused counts for the caller alone: nobody can lock a shop's other visitors out.
    """
    _check_caller(installation, ip)
    asked = _question(_SUBSCRIBE, installation, channel, email, detail, ip)
    asked = replace(asked, consent_text=consent_text.strip(), language=_language(language))
    _check_wording(installation, channel, asked.consent_text)
    _check_shop(installation)
    mailbox = f"{installation.pk}|mailbox|{mailbox_of(asked.email)}"
    return asked if limits.allow(mailbox, PER_ADDRESS, HOUR) else None


def _ending(installation: Installation, channel: str, email: str, detail: str, ip: str) -> _Question:
    return _question(_UNSUBSCRIBE, installation, channel, email, detail, ip)


def _question(
    act: str, installation: Installation, channel: str, email: str, detail: str, ip: str
) -> _Question:
    address = _address(email)
    _check_channel(installation, channel)
    _check_keepable(detail, "source")
    at = timezone.now().isoformat()
    return _Question(act, str(installation.pk), channel, address, at, detail=detail[:128], ip=ip)


@task
def work_storefront_request(request: str) -> None:
    """Work what a shop's page sent; `request` is encrypted, because it holds an address."""
    work(request)


def _hand_over(asked: _Question) -> None:
    work_storefront_request.enqueue(vault.encrypt(json.dumps(asdict(asked))))


def _subscribe(installation: Installation, asked: _Question) -> None:
    at = datetime.fromisoformat(asked.at)
    with transaction.atomic():
        audience = audience_of_channel(installation, asked.channel)
        proof = wordings.proof_of(audience, asked.consent_text, at)
        word = ConsentEvent(
            Consent.Kind.GIVEN,
            at,
            Consent.Source.STOREFRONT,
            wording=proof.text,
            wording_origin=proof.origin,
            source_detail=asked.detail,
            ip=asked.ip,
            needs_confirmation=audience.double_opt_in or not proof.is_good,
        )
        contact = _contact(audience, asked.email, asked.language)
        if contact is None:  # erased
            readmission.request_confirmation(audience, asked.email, word)
            return
        was_erased = erasure.was_erased(installation, contact.email)
        written = ledger.record(contact, replace(word, needs_confirmation=True) if was_erased else word)
        confirmation.request_if_needed(contact, written)


def _unsubscribe(installation: Installation, asked: _Question) -> None:
    at = datetime.fromisoformat(asked.at)
    with transaction.atomic():
        fed = audience_of_channel(installation, asked.channel)
        others = Audience.objects.filter(installation=installation).exclude(pk=fed.pk)
        for audience in (fed, *others.order_by("created_at", "pk")):
            contact = find_by_address(audience, asked.email)
            if contact is not None:
                source = Consent.Source.STOREFRONT
                choices.withdraw(contact, source, ip=asked.ip, detail=asked.detail, at=at)


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
    if not _KEY.fullmatch(text):
        return None
    usable = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return usable.filter(key=text).select_related("installation").first()


def is_known_origin(origin: str) -> bool:
    """Whether any shop names the origin as its own."""
    usable = StorefrontKey.objects.filter(revoked_at=None, installation__is_active=True)
    return any(origin in origins for origins in usable.values_list("origins", flat=True))


def _contact(audience: Audience, address: str, language: str) -> Contact | None:
    """Found or made; None once erased. Of who is known already, a stranger's word changes nothing but consent."""
    is_known = find_by_address(audience, address) is not None
    profile = {"language": language} if language and not is_known else {}
    return upsert_contact(audience, Person(address, None, profile, timezone.now()))


def _check_caller(installation: Installation, ip: str) -> None:
    if not limits.allow(f"{installation.pk}|caller|{_network(ip)}", PER_CALLER, MINUTE):
        raise _too_many()


def _check_shop(installation: Installation) -> None:
    if not limits.allow(f"{installation.pk}|shop", PER_SHOP, MINUTE):
        raise _too_many()


def _too_many() -> Rejected:
    return Rejected("Too many requests. Wait a minute and try again.", code="rate_limited")


def _network(ip: str) -> str:
    """What one caller has: an IPv4 address, or the IPv6 network that its provider gave it."""
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
        if not _UNKEEPABLE.search(email):
            return normalize_email(email)
    except Rejected:
        pass
    raise Rejected("Give an e-mail address that can be written to.", code="email_invalid")


def _check_wording(installation: Installation, channel: str, text: str) -> None:
    """`Rejected` where nothing would say what was agreed to; the same for everybody, also for whom nothing is kept."""
    _check_keepable(text, "consent_text")
    if not text:
        text = audience_for(installation, channel).consent_text
    ledger.check_wording(text)


def _check_keepable(text: str, code: str) -> None:
    if _UNKEEPABLE.search(text):
        raise Rejected("The text has characters that cannot be kept. Send it in UTF-8.", code=code)


def _check_channel(installation: Installation, channel: str) -> None:
    if _UNKEEPABLE.search(channel) or not installation.channels.filter(slug=channel).exists():
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
