"""The audiences of a shop, and which sales channel feeds which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from saleor_stripe_audience.audience.people.changes import mark_all_changed
from saleor_stripe_audience.audience.people.locales import check_language
from saleor_stripe_audience.audience.people.models import (
    Audience,
    ChannelAudience,
    Contact,
    ContactAttribute,
    KnownWording,
)
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.shops.models import Channel, Installation

LONGEST_NAME = 200
LONGEST_KEY = 128
MOST_KEYS = 50
LONGEST_CONSENT_TEXT = 10_000
LONGEST_SILENCE = 30 * 24 * 60  # minutes
MOST_CONSENT_KEYS = 20
LONGEST_CONSENT_KEY = 100


@dataclass(frozen=True, slots=True)
class AudienceSettings:
    """What a merchant chooses for an audience. A cart silent for `cart_silence_minutes` counts as abandoned.

    `sender_name` is what its mails bear; empty, they bear the shop's name. `consent_keys` are further keys of Saleor's
    metadata that mean a ticked box, beside our own and the stock storefront's.
    Of Saleor's metadata contacts keep the `attribute_keys`. `ads_to_buyers` puts non-subscribed buyers on lists for
    advertisers, which takes a legal basis of the merchant's own: see `transfer.ads.NOTE`.
    """

    name: str
    language: str = ""
    double_opt_in: bool = False
    consent_text: str = ""
    cart_silence_minutes: int = 60
    sender_name: str = ""
    consent_keys: tuple[str, ...] = ()
    attribute_keys: Sequence[str] = ()
    ads_to_buyers: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """What will happen when a channel feeds another audience; nothing has happened yet."""

    channel: str
    source: Audience
    target: Audience
    contacts: int
    subscribed: int
    already_there: int

    def sentences(self) -> list[str]:
        """For the merchant to read before agreeing."""
        return [
            (
                f"{self.contacts} contacts of “{self.source}” bought in {self.channel}, {self.subscribed} of them "
                f"subscribed. All of them stay in “{self.source}” with their purchases and their consent."
            ),
            (
                f"From now on, whoever buys in {self.channel} becomes a contact of “{self.target}”. "
                f"{self.already_there} of those contacts are known there already."
            ),
            f"Nobody is subscribed to “{self.target}” by this: consent was given to “{self.source}” and its wording.",
        ]


def lock_shop(installation: Installation) -> None:
    """Make all other writes to the shop's audiences wait until this transaction ends.

    There is one lock per shop because contacts may merge: two locks taken in two orders would deadlock.
    """
    default_audience(installation)


def default_audience(installation: Installation) -> Audience:
    """The shop's own audience, created on demand; the lock of the shop is held from here on, see `lock_shop`."""
    audience, _ = Audience.objects.get_or_create(
        installation=installation, is_default=True, defaults={"name": installation.domain or "Customers"}
    )
    return Audience.objects.select_for_update().get(pk=audience.pk)


def audiences_of(installation: Installation) -> QuerySet[Audience]:
    """The shop's audiences, the default one first: that one is there from the start."""
    own = Audience.objects.filter(installation=installation)
    if not own.filter(is_default=True).exists():
        with transaction.atomic():
            lock_shop(installation)
    return own.order_by("-is_default", "created_at", "pk")


def audience_of_channel(installation: Installation, channel: str) -> Audience:
    """The audience that the channel feeds; the shop's lock is held from here on."""
    default = default_audience(installation)
    fed = ChannelAudience.objects.filter(installation=installation, channel=channel).select_related(
        "audience"
    )
    row = fed.first() if channel else None
    return row.audience if row is not None else default


def audience_named(installation: Installation, name: str) -> Audience:
    """The shop's audience of that name, or its default one; `Rejected` if there is none such."""
    if not name:
        with transaction.atomic():
            return default_audience(installation)
    found = installation.audiences.filter(name=name.strip()).first()
    if found is None:
        known = ", ".join(installation.audiences.order_by("name").values_list("name", flat=True))
        raise Rejected(f"The shop has no audience of this name. It has: {known or 'none'}.", code="audience")
    return found


def create_audience(installation: Installation, wishes: AudienceSettings) -> Audience:
    """A further audience of the shop; no channel feeds it yet. `Rejected` for what cannot be."""
    with transaction.atomic():
        lock_shop(installation)
        audience = Audience(installation=installation)
        return _save(audience, wishes)


def change_audience(audience: Audience, wishes: AudienceSettings) -> Audience:
    """What the merchant wants from now on: consents already recorded stay as they are."""
    with transaction.atomic():
        lock_shop(audience.installation)
        return _save(Audience.objects.get(pk=audience.pk), wishes)


def preview_move(installation: Installation, channel: str, target: Audience) -> Move:
    """What moving the channel would do. `Rejected` if the shop has no such channel or audience."""
    _check_channel(installation, channel)
    _check_own(installation, target)
    with transaction.atomic():
        source = audience_of_channel(installation, channel)
    buyers = source.contacts.filter(purchases__channel=channel).distinct()
    return Move(
        channel=channel,
        source=source,
        target=target,
        contacts=buyers.count(),
        subscribed=buyers.filter(status=Contact.Status.SUBSCRIBED).count(),
        already_there=buyers.filter(email__in=target.contacts.values("email")).count(),
    )


def move_channel(installation: Installation, move: Move) -> None:
    """Let the channel feed `move.target`, as previewed. `Rejected` if it was moved elsewhere in between.

    Moving it again to where it is already changes nothing.
    """
    with transaction.atomic():
        present = audience_of_channel(installation, move.channel)
        if present == move.target:
            return
        if present != move.source:
            raise Rejected(
                "The channel was moved in the meantime. Look at what would happen now, then decide again.",
                code="channel_moved",
            )
        ChannelAudience.objects.update_or_create(
            installation=installation, channel=move.channel, defaults={"audience": move.target}
        )


def move_channel_from(installation: Installation, channel: str, seen: Audience, target: Audience) -> None:
    """`move_channel` for who holds no `Move`: `seen` is the audience that the preview said the channel feeds."""
    with transaction.atomic():
        previewed = preview_move(installation, channel, target)
        move_channel(installation, replace(previewed, source=seen))


def channels_of(audience: Audience) -> list[str]:
    """The channels that feed the audience, by slug; the default one is fed by all that feed no other."""
    return channels_by_audience(audience.installation_id).get(audience.pk, [])


def channels_by_audience(installation_id: UUID) -> dict[UUID, list[str]]:
    """The same of each of the shop's audiences that a channel feeds."""
    rows = ChannelAudience.objects.filter(installation=installation_id)
    named = dict(rows.values_list("channel", "audience_id"))
    slugs = Channel.objects.filter(installation=installation_id).values_list("slug", flat=True)
    defaults = Audience.objects.filter(installation=installation_id, is_default=True)
    default = defaults.values_list("pk", flat=True).first()
    fed: dict[UUID, list[str]] = {}
    for slug in sorted({*slugs, *named}):
        audience = named.get(slug, default)
        if audience is not None:
            fed.setdefault(audience, []).append(slug)
    return fed


def counts_by_audience(installation_id: UUID) -> dict[UUID, dict[str, int]]:
    """How many contacts each of the shop's audiences has of each status, all of them counted."""
    contacts = Contact.objects.filter(audience__installation=installation_id).order_by()
    audiences = Audience.objects.filter(installation=installation_id).values_list("pk", flat=True)
    counts = {audience: dict.fromkeys(Contact.Status.values, 0) for audience in audiences}
    for audience, status, count in contacts.values_list("audience_id", "status").annotate(count=Count("pk")):
        counts[audience][status] = count
    return counts


def _save(audience: Audience, wishes: AudienceSettings) -> Audience:
    _check(audience, wishes)
    former_text = audience.consent_text
    audience.name, audience.language = wishes.name.strip(), check_language(wishes.language)
    audience.double_opt_in, audience.consent_text = wishes.double_opt_in, wishes.consent_text.strip()
    audience.cart_silence_minutes = wishes.cart_silence_minutes
    audience.sender_name = wishes.sender_name.strip()
    audience.consent_keys = list(dict.fromkeys(key.strip() for key in wishes.consent_keys))
    audience.ads_to_buyers = wishes.ads_to_buyers
    audience.attribute_keys = check_attribute_keys(wishes.attribute_keys)
    audience.save()
    attributes = ContactAttribute.objects.filter(contact__audience=audience)
    attributes.exclude(key__in=audience.attribute_keys).delete()  # a key that is not wanted is forgotten
    if former_text and former_text != audience.consent_text:
        _remember_own_text(audience, former_text)
    mark_all_changed(audience.pk)  # segments may ask for abandoned carts
    return audience


def _remember_own_text(audience: Audience, text: str) -> None:
    """What was agreed to before stays what was agreed to: the text was the audience's own until now."""
    own = KnownWording.objects.filter(audience=audience, is_own=True)
    since = own.aggregate(last=Max("until"))["last"] or audience.created_at
    wording = store_wording(audience.installation_id, text)
    KnownWording.objects.create(
        audience=audience, wording=wording, is_own=True, since=since, until=timezone.now()
    )


def check_attribute_keys(keys: Iterable[str]) -> list[str]:
    """The keys of metadata as they are kept, each once; `Rejected` for too many, or for what is no key."""
    plain = list(dict.fromkeys(key.strip() for key in keys))
    if len(plain) > MOST_KEYS:
        raise Rejected(f"An audience keeps {MOST_KEYS} keys of metadata at most.", code="attribute_keys")
    if any(not key or len(key) > LONGEST_KEY or not key.isprintable() for key in plain):
        raise Rejected(
            f"A key of metadata is one line of 1 to {LONGEST_KEY} characters.", code="attribute_keys"
        )
    return plain


def _check(audience: Audience, wishes: AudienceSettings) -> None:
    name = wishes.name.strip()
    if not name or len(name) > LONGEST_NAME or any(not each.isprintable() for each in name):
        raise Rejected(
            f"Give the audience a name of one line, at most {LONGEST_NAME} characters.", code="name"
        )
    twins = Audience.objects.filter(installation_id=audience.installation_id, name=name)
    if twins.exclude(pk=audience.pk).exists():
        raise Rejected("Another audience of the shop has this name already. Choose another.", code="name")
    if len(wishes.consent_text) > LONGEST_CONSENT_TEXT:
        raise Rejected(
            f"The consent text is longer than {LONGEST_CONSENT_TEXT} characters.", code="consent_text"
        )
    if not 1 <= wishes.cart_silence_minutes <= LONGEST_SILENCE:
        raise Rejected(
            f"A cart counts as abandoned after 1 to {LONGEST_SILENCE} minutes (30 days).",
            code="cart_silence_minutes",
        )
    _check_sender(wishes.sender_name.strip())
    _check_consent_keys([key.strip() for key in wishes.consent_keys])
    if wishes.double_opt_in and not settings.EMAIL_CONFIGURED:
        raise Rejected(
            "Double opt-in sends mails. Ask whoever runs the app to set EMAIL_URL and EMAIL_FROM first.",
            code="email_not_configured",
        )


def _check_sender(name: str) -> None:
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Rejected(
            f"Give the sender a name of one line, at most {LONGEST_NAME} characters.", code="sender_name"
        )


def _check_consent_keys(keys: Sequence[str]) -> None:
    is_odd = any(not key or len(key) > LONGEST_CONSENT_KEY or not key.isprintable() for key in keys)
    if is_odd or len(keys) > MOST_CONSENT_KEYS:
        raise Rejected(
            f"Give at most {MOST_CONSENT_KEYS} keys of metadata, each of at most {LONGEST_CONSENT_KEY} printable "
            "characters, such as newsletter.",
            code="consent_keys",
        )


def _check_channel(installation: Installation, channel: str) -> None:
    if not installation.channels.filter(slug=channel).exists():
        known = ", ".join(sorted(installation.channels.values_list("slug", flat=True)))
        raise Rejected(f"The shop has no channel {channel[:80]}. It has: {known or 'none'}.", code="channel")


def _check_own(installation: Installation, audience: Audience) -> None:
    if audience.installation_id != installation.pk:
        raise Rejected("The shop has no such audience.", code="audience")
