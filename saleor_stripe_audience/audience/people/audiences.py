"""The audiences of a shop, and which sales channel feeds which audience."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Count, Exists, OuterRef, QuerySet, UUIDField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.changes import gather_changes, mark_all_changed
from saleor_stripe_audience.audience.people.locales import check_language
from saleor_stripe_audience.audience.people.models import (
    Audience,
    ChannelAudience,
    Contact,
    ContactAttribute,
    KnownWording,
)
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.composed import composed_once
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.jobs.models import Job
from saleor_stripe_audience.shops.channels import KnownChannels, names_in_order, on_rename
from saleor_stripe_audience.shops.models import Channel, Installation
from saleor_stripe_audience.wording import with_values

MAX_NAME_LENGTH = 200
MAX_KEY_LENGTH = 128
MAX_KEYS = 50
MAX_CONSENT_TEXT_LENGTH = 10_000
MAX_CART_SILENCE = 30 * 24 * 60  # minutes
MAX_CONSENT_KEYS = 20
MAX_CONSENT_KEY_LENGTH = 100
REFUSING_KEY = pgettext_lazy(
    "staff",
    "The metadata key {key} names an opt-out: a tick under it would subscribe who refused. Give the key of a box that "
    "people tick to subscribe.",
)
_WORD = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+")  # also of camelCase
_REFUSING = re.compile(
    r" opt(ed)? out|optout| do not | dont | don t | no | not | never | stop | without | unsub| withdr| revok"
    r"| refus| declined? | excluded? | exclusion | block(ed)? | suppress| object(ed|ion)? "
    r"| d[ée]sinscri| d[ée]sabonn| sans | pas "
)


@dataclass(frozen=True, slots=True)
class AudienceSettings:
    """What a merchant chooses for an audience.

    A cart without activity for `cart_silence_minutes` counts as abandoned. Emails come from `sender_name`, or from the
    shop's name if it is empty. `consent_keys` are metadata keys that mean a ticked box, beside our own and those of
    Saleor's reference storefront. Contacts store the `attribute_keys` of Saleor's metadata. `ads_to_buyers` puts
    non-subscribed buyers on lists for advertisers, which needs a legal basis, see `transfer.ads.NOTE`.
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
    """A preview of what happens when a channel feeds another audience; nothing has changed yet."""

    channel: str
    source: Audience
    target: Audience
    contacts: int
    subscribed: int
    already_there: int

    def sentences(self) -> list[str]:
        """Describe the move for the merchant to read before agreeing."""
        return [
            (
                f"{self.contacts} contacts of “{self.source}” bought in {self.channel}, {self.subscribed} of them "
                f"subscribed. All of them stay in “{self.source}” with their purchases and their consent."
            ),
            (
                f"From now on, customers who buy in {self.channel} become contacts of “{self.target}”. "
                f"{self.already_there} of those contacts are there already."
            ),
            f"This subscribes nobody to “{self.target}”: consent was given to “{self.source}” and its wording.",
        ]


class Key(StrEnum):
    """What rows are found by, see `LockedShop.absent`."""

    ADDRESS = "address"  # a contact's, present or former
    ACCOUNT = "account"  # a contact's, in any audience of the shop
    TOMBSTONE = "tombstone"  # lifted ones, too
    ORDER = "order"  # a purchase's
    ORDERED_CHECKOUT = "ordered checkout"  # the checkout that became a purchase
    CART = "cart"  # its checkout
    PAYMENT_FACT = "payment fact"  # the checkout or order that it is about


@dataclass
class LockedShop:
    """What is known about a shop whose lock is held, so nobody else changes it.

    `segmented` are the audiences with segments; `has_tombstones` says whether anyone was ever erased,
    `has_early_withdrawals` whether anyone withdrew before they were a contact; `secret` is filled when it is first
    needed. `needs_channels` is set when an event is in a channel that `channels` do not have.
    `absent` are keys that certainly have no row, so that they need not be looked up: whoever stores a row removes its
    key. `created` and `deleted` are the contacts that were created and deleted since the lock was taken. `gathered` are
    the values that each of these functions will be called with, once, before the lock is released.
    """

    installation: Installation
    default: Audience
    audience_ids: frozenset[UUID]
    audience_id_by_channel: Mapping[str, UUID]
    segmented: frozenset[UUID]
    has_tombstones: bool
    has_early_withdrawals: bool
    channels: KnownChannels
    needs_channels: bool = False
    secret: str = ""
    absent: set[tuple[Key, str]] = field(default_factory=set)
    created: set[UUID] = field(default_factory=set)
    deleted: set[UUID] = field(default_factory=set)
    gathered: defaultdict[Callable[..., None], dict[Any, Any]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _others: dict[UUID, Audience] = field(default_factory=dict)

    def audience_of_channel(self, channel: str) -> Audience:
        """Return the audience that the channel feeds."""
        return self.audience(self.audience_id_by_channel.get(channel, self.default.pk))

    def audience(self, pk: UUID) -> Audience:
        """Return the shop's audience with this id."""
        if pk == self.default.pk:
            return self.default
        if pk not in self._others:
            self._others[pk] = Audience.objects.get(pk=pk)
            self._others[pk].installation = self.installation
        return self._others[pk]


_held: ContextVar[LockedShop | None] = ContextVar("held", default=None)


@contextmanager
def hold_shop(installation: Installation) -> Iterator[LockedShop]:
    """Open a transaction that holds the shop's lock, see `lock_shop`; inside another one, continue that.

    Inside the block, the shop is read once. Changes of contacts and gathered values are stored once, at the end.
    """
    held = held_shop(installation.pk)
    if held is not None:
        yield held
        return
    with transaction.atomic(), _holding(default_audience(installation)) as shop:
        yield shop


@contextmanager
def hold_shop_of(installation_id: UUID) -> Iterator[LockedShop | None]:
    """Like `hold_shop`, but also read the shop with its lock; None, without a lock, if there is no such shop."""
    if (held := held_shop(installation_id)) is not None:
        yield held
        return
    with transaction.atomic():
        default = _lock_default(installation_id)
        if default is None:  # a new shop
            installation = Installation.objects.filter(pk=installation_id).first()
            default = default_audience(installation) if installation is not None else None
        if default is None:
            yield None
            return
        with _holding(default) as shop:
            yield shop


@contextmanager
def _holding(default: Audience) -> Iterator[LockedShop]:
    shop = _read_locked(default)
    with gather_changes(shop.segmented):
        token = _held.set(shop)
        try:
            yield shop
            for store, values in shop.gathered.items():
                store(shop, values)
        finally:
            _held.reset(token)


def _read_locked(default: Audience) -> LockedShop:
    """Read the shop after its lock was taken: what was created while this waited for it is there."""
    rows = _audiences_and_channels(default.installation_id)
    audiences = [(pk, slug, flags) for pk, slug, _, *flags in rows if pk is not None]
    return LockedShop(
        default.installation,
        default,
        audience_ids=frozenset(pk for pk, *_ in audiences),
        audience_id_by_channel={slug: pk for pk, slug, _ in audiences if slug is not None},
        segmented=frozenset(pk for pk, _, (is_segmented, _, _) in audiences if is_segmented),
        has_tombstones=any(has_tombstones for *_, (_, has_tombstones, _) in audiences),
        has_early_withdrawals=any(has_any for *_, (_, _, has_any) in audiences),
        channels=KnownChannels(
            (slug or "", saleor_id, is_deleted) for pk, slug, saleor_id, is_deleted, *_ in rows if pk is None
        ),
    )


@composed_once
def _audiences_and_channels(
    installation_id: UUID,
) -> "QuerySet[Any, tuple[UUID | None, str | None, str, bool, bool, bool]]":
    """Return the audiences with the slugs of the channels that feed them, and the shop's channels.

    An audience has its id, the slug, nothing, whether it has segments, whether the shop ever erased anybody, and
    whether anybody withdrew early. A channel has no id of an audience, its slug, Saleor's id, whether it was deleted,
    and nothing.
    """
    audiences = Audience.objects.filter(installation=installation_id).order_by()
    segmented = Audience.objects.filter(pk=OuterRef("pk"), segments__isnull=False)
    erased = Installation.objects.filter(pk=OuterRef("installation"), tombstones__isnull=False)
    withdrew = Installation.objects.filter(pk=OuterRef("installation"), early_withdrawals__isnull=False)
    channels = Channel.objects.filter(installation=installation_id).order_by()
    nothing, no = Value("", CharField()), Value(value=False)
    flags = (Exists(segmented), Exists(erased), Exists(withdrew))
    return audiences.values_list("pk", "channels__channel", nothing, *flags).union(
        channels.values_list(Cast(Value(None), UUIDField()), "slug", "saleor_id", "is_deleted", no, no),
        all=True,
    )


def held_shop(installation_id: UUID) -> LockedShop | None:
    """Return the shop, if a surrounding `hold_shop` holds its lock."""
    shop = _held.get()
    return shop if shop is not None and shop.installation.pk == installation_id else None


def locked_shop(installation_id: UUID) -> LockedShop:
    """Return the shop, whose lock a surrounding `hold_shop` holds; `LookupError` otherwise."""
    shop = _held.get()
    if shop is None or shop.installation.pk != installation_id:
        raise LookupError("the shop's lock is not held")
    return shop


def shop_holding(audience_id: UUID) -> LockedShop | None:
    """Return the shop of the audience, if a surrounding `hold_shop` holds its lock."""
    shop = _held.get()
    return shop if shop is not None and audience_id in shop.audience_ids else None


def delete_contact(contact: Contact) -> dict[str, int]:
    """Delete the contact and everything that belongs to it; return the number of deleted rows by model."""
    if (shop := shop_holding(contact.audience_id)) is not None:
        shop.deleted.add(contact.pk)
    _total, per_model = contact.delete()
    return per_model


def note_stored(installation_id: UUID, kind: Key, key: str) -> None:
    """Note in a surrounding `hold_shop` that a row with this key is stored."""
    if (shop := held_shop(installation_id)) is not None:
        shop.absent.discard((kind, key))


def lock_shop(installation: Installation) -> None:
    """Block all other writes to the shop's audiences until this transaction ends.

    There is one lock per shop because contacts can merge: two locks taken in two orders would deadlock.
    """
    default_audience(installation)


def default_audience(installation: Installation) -> Audience:
    """Return the shop's default audience, creating it on first use; takes the shop's lock, see `lock_shop`."""
    if (held := held_shop(installation.pk)) is not None:
        return held.default
    audience = _lock_default(installation.pk)
    if audience is None:
        name = installation.shop_name or installation.domain or "Customers"
        Audience.objects.get_or_create(installation=installation, is_default=True, defaults={"name": name})
        audience = _lock_default(installation.pk)
    if audience is None:
        raise Audience.DoesNotExist  # its shop was deleted at this moment
    audience.installation = installation
    return audience


def _lock_default(installation_id: UUID) -> Audience | None:
    return next(iter(_locked_default(installation_id)), None)


@composed_once
def _locked_default(installation_id: UUID) -> QuerySet[Audience]:
    defaults = Audience.objects.filter(installation=installation_id, is_default=True)
    return defaults.select_related("installation").select_for_update(of=("self",))


def audiences_of(installation: Installation) -> QuerySet[Audience]:
    """Return the shop's audiences, the default one first, which always exists."""
    audiences = Audience.objects.filter(installation=installation)
    if not audiences.filter(is_default=True).exists():
        with transaction.atomic():
            lock_shop(installation)
    return audiences.order_by("-is_default", "created_at", "pk")


def audience_of_channel(installation: Installation, channel: str) -> Audience:
    """Return the audience that the channel feeds; takes the shop's lock."""
    if (held := held_shop(installation.pk)) is not None:
        return held.audience_of_channel(channel)
    default = default_audience(installation)
    if not channel:
        return default
    rows = ChannelAudience.objects.filter(installation=installation, channel=channel)
    row = rows.select_related("audience").first()
    return row.audience if row is not None else default


def has_one_audience(installation_id: UUID) -> bool:
    """Whether the shop has no other audience than the default one."""
    if (held := held_shop(installation_id)) is not None:
        return len(held.audience_ids) == 1
    return Audience.objects.filter(installation=installation_id).count() == 1


def audience_named(installation: Installation, name: str) -> Audience:
    """Return the shop's audience of that name, or the default one for no name. `Rejected` if there is none."""
    if not name:
        with transaction.atomic():
            return default_audience(installation)
    found = installation.audiences.filter(name=name.strip()).first()
    if found is None:
        known = ", ".join(installation.audiences.order_by("name").values_list("name", flat=True))
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The shop has no audience with this name. It has: {known}."),
                known=known or "none",
            ),
            code="audience",
        )
    return found


def settings_of(audience: Audience) -> AudienceSettings:
    """Return the audience's current options."""
    return AudienceSettings(
        name=audience.name,
        language=audience.language,
        double_opt_in=audience.double_opt_in,
        consent_text=audience.consent_text,
        cart_silence_minutes=audience.cart_silence_minutes,
        sender_name=audience.sender_name,
        consent_keys=tuple(audience.consent_keys),
        attribute_keys=tuple(audience.attribute_keys),
        ads_to_buyers=audience.ads_to_buyers,
    )


def create_audience(
    installation: Installation, options: AudienceSettings, key: UUID | None = None
) -> Audience:
    """Create another audience; no channel feeds it yet. With a `key` as its id, repeating it does not create a second
    one.

    `Rejected` for invalid options.
    """
    with transaction.atomic():
        lock_shop(installation)
        present = Audience.objects.filter(installation=installation, pk=key).first() if key else None
        return present or _save(Audience(installation=installation, pk=key or uuid4()), options)


def change_audience(audience: Audience, options: AudienceSettings) -> Audience:
    """Change the audience's options from now on; recorded consents do not change. `Rejected` for invalid options."""
    with transaction.atomic():
        lock_shop(audience.installation)
        return _save(Audience.objects.get(pk=audience.pk), options)


def delete_audience(audience: Audience) -> None:
    """Delete an empty audience with its segments and tags. `Rejected` while something depends on it.

    The default audience is kept, because accounts belong to it. Contacts and their consents are never deleted by this.
    """
    with transaction.atomic():
        lock_shop(audience.installation)
        if audience.is_default:
            raise Rejected(
                pgettext_lazy("staff", "The shop's default audience cannot be deleted."),
                code="audience_default",
            )
        if slugs := channels_of(audience):
            listed = Channel.objects.filter(installation=audience.installation_id, slug__in=slugs)
            names = dict(listed.values_list("slug", "name"))  # the shop may have deleted some
            raise Rejected(
                with_values(
                    pgettext_lazy(
                        "staff", "Move its channels to another audience first. They are: {channels}."
                    ),
                    channels=", ".join(names_in_order(names.get(each) or each for each in slugs)),
                ),
                code="audience_has_channels",
            )
        if audience.contacts.exists():
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "The audience cannot be deleted, because it has contacts and the proof of their consent.",
                ),
                code="audience_has_contacts",
            )
        if audience.import_files.filter(job__state__in=Job.OPEN).exists():
            raise Rejected(
                pgettext_lazy(
                    "staff", "Contacts are being imported into the audience. Cancel the import first."
                ),
                code="audience_has_import",
            )
        audience.delete()


def preview_move(installation: Installation, channel: str, target: Audience) -> Move:
    """Preview what moving the channel would do. `Rejected` if the shop has no such channel or audience."""
    if not installation.channels.filter(slug=channel).exists():
        known = ", ".join(sorted(installation.channels.values_list("slug", flat=True)))
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The shop has no channel {channel}. It has: {known}."),
                channel=channel[:80],
                known=known or "none",
            ),
            code="channel",
        )
    if target.installation_id != installation.pk:
        raise Rejected(pgettext_lazy("staff", "The shop has no such audience."), code="audience")
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
    """Make the channel feed `move.target`, as previewed. `Rejected` if it was moved elsewhere in the meantime.

    Repeating the move changes nothing.
    """
    with transaction.atomic():
        present = audience_of_channel(installation, move.channel)
        if present == move.target:
            return
        if present != move.source:
            raise Rejected(
                pgettext_lazy(
                    "staff", "The channel was moved in the meantime. Preview the move again, then decide."
                ),
                code="channel_moved",
            )
        ChannelAudience.objects.update_or_create(
            installation=installation, channel=move.channel, defaults={"audience": move.target}
        )


def move_channel_from(installation: Installation, channel: str, seen: Audience, target: Audience) -> None:
    """Move the channel without a `Move` at hand; `seen` is the audience that it fed in the preview."""
    with transaction.atomic():
        previewed = preview_move(installation, channel, target)
        move_channel(installation, replace(previewed, source=seen))


@on_rename
def _follow_channel(installation: Installation, before: str, after: str) -> None:
    """Let the renamed channel feed the same audience as before."""
    lock_shop(installation)
    rows = ChannelAudience.objects.filter(installation=installation)
    rows.filter(channel=after).delete()
    rows.filter(channel=before).update(channel=after)


def channels_of(audience: Audience) -> list[str]:
    """Return the slugs of the channels that feed the audience; channels that feed no other feed the default one."""
    return channels_by_audience(audience.installation_id).get(audience.pk, [])


def channels_by_audience(installation_id: UUID) -> dict[UUID, list[str]]:
    """Return the channels of each of the shop's audiences that a channel feeds."""
    rows = ChannelAudience.objects.filter(installation=installation_id)
    assigned = dict(rows.values_list("channel", "audience_id"))
    slugs = Channel.objects.filter(installation=installation_id).values_list("slug", flat=True)
    defaults = Audience.objects.filter(installation=installation_id, is_default=True)
    default = defaults.values_list("pk", flat=True).first()
    channels: dict[UUID, list[str]] = {}
    for slug in sorted({*slugs, *assigned}):
        audience = assigned.get(slug, default)
        if audience is not None:
            channels.setdefault(audience, []).append(slug)
    return channels


def counts_by_audience(installation_id: UUID) -> dict[UUID, dict[str, int]]:
    """Count the contacts of each of the shop's audiences by status, reading only an index."""
    audiences = Audience.objects.filter(installation=installation_id).values_list("pk", flat=True)
    counts = {audience: dict.fromkeys(Contact.Status.values, 0) for audience in audiences}
    contacts = Contact.objects.filter(audience__in=list(counts)).order_by()
    rows = contacts.values_list("audience_id", "status").annotate(count=Count("*"))
    for audience, status, count in rows:
        counts[audience][status] = count
    return counts


def _save(audience: Audience, options: AudienceSettings) -> Audience:
    _check(audience, options)
    former_text, former_since = audience.consent_text, audience.consent_text_since
    audience.name, audience.language = options.name.strip(), check_language(options.language)
    audience.double_opt_in, audience.consent_text = options.double_opt_in, options.consent_text.strip()
    audience.cart_silence_minutes = options.cart_silence_minutes
    audience.sender_name = options.sender_name.strip()
    audience.consent_keys = list(dict.fromkeys(key.strip() for key in options.consent_keys))
    audience.ads_to_buyers = options.ads_to_buyers
    audience.attribute_keys = check_attribute_keys(options.attribute_keys)
    audience.configured_at = audience.configured_at or timezone.now()
    if audience.consent_text != former_text:
        audience.consent_text_since = timezone.now()
    audience.save()
    attributes = ContactAttribute.objects.filter(contact__audience=audience)
    attributes.exclude(key__in=audience.attribute_keys).delete()  # values of removed keys
    if former_text and former_text != audience.consent_text:
        _store_former_text(audience, former_text, former_since or audience.created_at)
    mark_all_changed(audience.pk)  # segments can have conditions on abandoned carts
    return audience


def _store_former_text(audience: Audience, text: str, since: datetime) -> None:
    """Store the text that was the audience's own until now: consents of that time refer to it."""
    wording = store_wording(audience.installation_id, text)
    KnownWording.objects.create(
        audience=audience, wording=wording, is_own=True, since=since, until=audience.consent_text_since
    )


def check_attribute_keys(keys: Iterable[str]) -> list[str]:
    """Return the metadata keys, stripped and without duplicates. `Rejected` for too many or an invalid key."""
    plain = list(dict.fromkeys(key.strip() for key in keys))
    if len(plain) > MAX_KEYS:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "An audience stores at most {most} metadata keys."), most=MAX_KEYS
            ),
            code="attribute_keys",
        )
    if any(not key or len(key) > MAX_KEY_LENGTH or not key.isprintable() for key in plain):
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "A metadata key is one line of 1 to {longest} characters."),
                longest=MAX_KEY_LENGTH,
            ),
            code="attribute_keys",
        )
    return plain


def _check(audience: Audience, options: AudienceSettings) -> None:
    _check_name(audience, options.name.strip())
    if len(options.consent_text) > MAX_CONSENT_TEXT_LENGTH:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "The consent text is longer than {longest} characters."),
                longest=MAX_CONSENT_TEXT_LENGTH,
            ),
            code="consent_text",
        )
    if not 1 <= options.cart_silence_minutes <= MAX_CART_SILENCE:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "A cart counts as abandoned after 1 to {longest} minutes (30 days)."),
                longest=MAX_CART_SILENCE,
            ),
            code="cart_silence_minutes",
        )
    sender = options.sender_name.strip()
    if len(sender) > MAX_NAME_LENGTH or not sender.isprintable():
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "Give the sender a name of one line, at most {longest} characters."),
                longest=MAX_NAME_LENGTH,
            ),
            code="sender_name",
        )
    _check_consent_keys([key.strip() for key in options.consent_keys])
    if options.double_opt_in and not settings.EMAIL_CONFIGURED:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "Double opt-in sends emails. Ask the operator of the app to set EMAIL_URL and EMAIL_FROM first.",
            ),
            code="email_not_configured",
        )


def _check_name(audience: Audience, name: str) -> None:
    if not name or len(name) > MAX_NAME_LENGTH or any(not each.isprintable() for each in name):
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "Give the audience a name of one line, at most {longest} characters."),
                longest=MAX_NAME_LENGTH,
            ),
            code="name",
        )
    twins = Audience.objects.filter(installation_id=audience.installation_id, name=name)
    if twins.exclude(pk=audience.pk).exists():
        raise Rejected(
            pgettext_lazy("staff", "Another audience of the shop already has this name. Choose another."),
            code="name_taken",
        )


def _check_consent_keys(keys: Sequence[str]) -> None:
    is_invalid = any(not key or len(key) > MAX_CONSENT_KEY_LENGTH or not key.isprintable() for key in keys)
    if is_invalid or len(keys) > MAX_CONSENT_KEYS:
        raise Rejected(
            with_values(
                pgettext_lazy(
                    "staff",
                    "Give at most {most} metadata keys, each of at most {longest} printable characters, such as "
                    "newsletter.",
                ),
                most=MAX_CONSENT_KEYS,
                longest=MAX_CONSENT_KEY_LENGTH,
            ),
            code="consent_keys",
        )
    refusing = next((key for key in keys if _names_refusal(key)), None)
    if refusing is not None:
        raise Rejected(with_values(REFUSING_KEY, key=refusing), code="consent_keys")


def _names_refusal(key: str) -> bool:
    """Whether "true" under the key would mean that someone does not want emails."""
    words = " ".join(_WORD.findall(key)).lower()
    return _REFUSING.search(f" {words} ") is not None
