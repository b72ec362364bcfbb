"""The shop's audiences over the API: what they are, which channels feed them, how they are changed."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import needs, shop_id
from saleor_stripe_audience.api.enums import Purpose, Status
from saleor_stripe_audience.api.people import Tag, purposes
from saleor_stripe_audience.audience import audiences, models, wordings
from saleor_stripe_audience.audience.by_hand import not_found
from saleor_stripe_audience.audience.transfer.ads import NOTE
from saleor_stripe_audience.saleor.models import Installation

READ, WRITE = [needs("audience:read")], [needs("audience:write")]


@strawberry.type(description="How many contacts have a status.")
class StatusCount:
    status: Status = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many, all of them counted.")


@strawberry.type(description="What a status may receive.")
class StatusRule:
    status: Status = strawberry.field(description="The status.")
    may_receive: list[Purpose] = strawberry.field(description="What may be sent to who has it.")


def _channels(root: strawberry.Parent[models.Audience]) -> list[str]:
    return audiences.channels_of(root)


def _wordings(root: strawberry.Parent[models.Audience]) -> list[str]:
    return wordings.texts_of(root)


def _attribute_keys(root: strawberry.Parent[models.Audience]) -> list[str]:
    return list(root.attribute_keys)


def _counts(root: strawberry.Parent[models.Audience]) -> list[StatusCount]:
    counted = audiences.counts_by_status(root)
    return [StatusCount(status=each, count=counted[each.value]) for each in Status]


@strawberry_django.type(models.Audience, description="A list of people of the shop.")
class Audience(relay.Node):
    name: str = strawberry_django.field(description="Its name.")
    is_default: bool = strawberry_django.field(
        description="Whether it is fed by every channel that feeds no other, and meant where none is named."
    )
    language: str = strawberry_django.field(description="Language tag; empty if not chosen.")
    double_opt_in: bool = strawberry_django.field(
        description="Whether a consent counts only once it is confirmed from the mailbox."
    )
    consent_text: str = strawberry_django.field(
        description="What was agreed to where a storefront does not send the words it showed."
    )
    cart_silence_minutes: int = strawberry_django.field(
        description="After how many minutes without news a cart counts as abandoned."
    )
    sender_name: str = strawberry_django.field(
        description="The name that its mails bear; empty, they bear the shop's name."
    )
    consent_keys: list[str] = strawberry_django.field(
        description="Further keys of Saleor's metadata that mean a ticked box, such as newsletter. The time, wording, "
        "place and IP address stand under the same name with _at, _text, _source and _ip."
    )
    known_wordings: list[str] = strawberry_django.field(
        resolver=_wordings,
        only=["consent_text", "installation"],
        description="The wordings that prove a consent: its own text first, those it had before, and those added.",
    )
    attribute_keys: list[str] = strawberry_django.field(
        resolver=_attribute_keys,
        only=["attribute_keys"],
        description="The keys of Saleor's metadata whose values contacts keep as attributes; none but these.",
    )
    ads_to_buyers: bool = strawberry_django.field(
        description=f"Whether lists for advertisers hold non-subscribed buyers, too. {NOTE}"
    )
    created_at: datetime = strawberry_django.field(description="When it was made.")
    channels: list[str] = strawberry_django.field(
        resolver=_channels,
        only=["is_default", "installation"],
        description="Slugs of the sales channels that feed it.",
    )
    contacts_by_status: list[StatusCount] = strawberry_django.field(
        resolver=_counts, description="How many contacts it has, by status. All are counted: ask if needed."
    )
    tags: list[Tag] = strawberry_django.field(description="Its tags.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.type(description="What moving a channel to another audience does.")
class ChannelMove:
    channel: str = strawberry.field(description="Slug of the channel.")
    source: Audience = strawberry.field(description="The audience that it feeds now.")
    target: Audience = strawberry.field(description="The audience that it would feed.")
    contacts: int = strawberry.field(description="How many contacts of the source bought in the channel.")
    subscribed: int = strawberry.field(description="How many of those are subscribed to the source.")
    already_there: int = strawberry.field(description="How many of those are contacts of the target, too.")
    sentences: list[str] = strawberry.field(description="The same in words, for the merchant to read.")


_Id = strawberry.argument(description="The audience's id.")
_Name = strawberry.argument(description="Its name: one line, no other audience of the shop has it.")
_Language = strawberry.argument(description="Language tag, such as en or fr-ca.")
_DoubleOptIn = strawberry.argument(
    description="Whether a consent counts only once it is confirmed from the mailbox. Needs mail to be set up."
)
_ConsentText = strawberry.argument(description="The wording where a storefront sends none.")
_Silence = strawberry.argument(description="After how many minutes without news a cart counts as abandoned.")
_SenderName = strawberry.argument(
    description="The name that its mails bear: one line; empty for the shop's name."
)
_ConsentKeys = strawberry.argument(description="Further keys of Saleor's metadata that mean a ticked box.")
_AttributeKeys = strawberry.argument(
    description="Keys of Saleor's metadata, of accounts and orders, whose values contacts shall keep. A key that is "
    "left out is forgotten with its values. Values come with the next event of each person, or by a backfill."
)
_AdsToBuyers = strawberry.argument(
    description=f"Whether lists for advertisers shall hold non-subscribed buyers, too. {NOTE}"
)
_Channel = strawberry.argument(description="Slug of the channel.")


def _audiences(info: Info) -> list[Audience]:
    shop = Installation.objects.get(pk=shop_id(info))
    return cast("list[Audience]", audiences.audiences_of(shop))


def _status_rules() -> list[StatusRule]:
    return [StatusRule(status=each, may_receive=purposes(each)) for each in Status]


def _move_preview(
    info: Info,
    channel: Annotated[str, _Channel],
    target: Annotated[relay.GlobalID, strawberry.argument(description="Id of the audience it would feed.")],
) -> ChannelMove:
    shop = Installation.objects.get(pk=shop_id(info))
    return _told(audiences.preview_move(shop, channel, own_audience(info, target)))


def _create(
    info: Info,
    name: Annotated[str, _Name],
    language: Annotated[str | None, _Language] = None,
    double_opt_in: Annotated[bool | None, _DoubleOptIn] = None,
    consent_text: Annotated[str | None, _ConsentText] = None,
    cart_silence_minutes: Annotated[int | None, _Silence] = None,
    sender_name: Annotated[str | None, _SenderName] = None,
    consent_keys: Annotated[list[str] | None, _ConsentKeys] = None,
    attribute_keys: Annotated[list[str] | None, _AttributeKeys] = None,
    ads_to_buyers: Annotated[bool | None, _AdsToBuyers] = None,
) -> Audience:
    shop = Installation.objects.get(pk=shop_id(info))
    usual = audiences.Wishes(name)
    wishes = audiences.Wishes(
        name,
        ids.given(language, usual.language),
        ids.given(double_opt_in, usual.double_opt_in),
        ids.given(consent_text, usual.consent_text),
        ids.given(cart_silence_minutes, usual.cart_silence_minutes),
        ids.given(sender_name, usual.sender_name),
        tuple(ids.given(consent_keys, usual.consent_keys)),
        ids.given(attribute_keys, usual.attribute_keys),
        ids.given(ads_to_buyers, usual.ads_to_buyers),
    )
    return cast("Audience", audiences.create_audience(shop, wishes))


def _update(
    info: Info,
    id: Annotated[relay.GlobalID, _Id],  # noqa: A002 - relay names the argument
    name: Annotated[str | None, _Name] = None,
    language: Annotated[str | None, _Language] = None,
    double_opt_in: Annotated[bool | None, _DoubleOptIn] = None,
    consent_text: Annotated[str | None, _ConsentText] = None,
    cart_silence_minutes: Annotated[int | None, _Silence] = None,
    sender_name: Annotated[str | None, _SenderName] = None,
    consent_keys: Annotated[list[str] | None, _ConsentKeys] = None,
    attribute_keys: Annotated[list[str] | None, _AttributeKeys] = None,
    ads_to_buyers: Annotated[bool | None, _AdsToBuyers] = None,
) -> Audience:
    present = own_audience(info, id)
    wishes = audiences.Wishes(
        ids.given(name, present.name),
        ids.given(language, present.language),
        ids.given(double_opt_in, present.double_opt_in),
        ids.given(consent_text, present.consent_text),
        ids.given(cart_silence_minutes, present.cart_silence_minutes),
        ids.given(sender_name, present.sender_name),
        tuple(ids.given(consent_keys, present.consent_keys)),
        ids.given(attribute_keys, present.attribute_keys),
        ids.given(ads_to_buyers, present.ads_to_buyers),
    )
    return cast("Audience", audiences.change_audience(present, wishes))


def _add_wording(
    info: Info,
    id: Annotated[relay.GlobalID, _Id],  # noqa: A002 - relay names the argument
    text: Annotated[str, strawberry.argument(description="The words that a storefront shows, exactly.")],
) -> Audience:
    audience = own_audience(info, id)
    wordings.add(audience, text)
    return cast("Audience", audience)


def _move(
    info: Info,
    channel: Annotated[str, _Channel],
    seen: Annotated[
        relay.GlobalID,
        strawberry.argument(name="source", description="The audience that the preview said it feeds."),
    ],
    target: Annotated[relay.GlobalID, strawberry.argument(description="The audience that it shall feed.")],
) -> Audience:
    shop = Installation.objects.get(pk=shop_id(info))
    source, wanted = own_audience(info, seen), own_audience(info, target)
    audiences.move_channel_from(shop, channel, source, wanted)
    return cast("Audience", wanted)


def own_audience(info: Info, given: relay.GlobalID) -> models.Audience:
    """The shop's audience of that id; `Rejected` if it has none."""
    own = models.Audience.objects.filter(installation_id=shop_id(info))
    found = own.filter(pk=ids.key_of(given, "Audience")).select_related("installation").first()
    if found is None:
        raise not_found("audience")
    return found


def _told(move: audiences.Move) -> ChannelMove:
    return ChannelMove(
        channel=move.channel,
        source=cast("Audience", move.source),
        target=cast("Audience", move.target),
        contacts=move.contacts,
        subscribed=move.subscribed,
        already_there=move.already_there,
        sentences=move.sentences(),
    )


@strawberry.type
class AudienceQueries:
    audiences: list[Audience] = strawberry_django.field(
        resolver=_audiences,
        permission_classes=READ,
        description="The shop's audiences, the default one first. Needs the scope audience:read.",
    )
    status_rules: list[StatusRule] = strawberry.field(
        resolver=_status_rules,
        permission_classes=READ,
        description="What each status may receive. Needs the scope audience:read.",
    )
    channel_move_preview: ChannelMove = strawberry.field(
        resolver=_move_preview,
        permission_classes=READ,
        description="What moving a channel would do; nothing happens. Needs the scope audience:read.",
    )


@strawberry.type
class AudienceMutations:
    audience_create: Audience = strawberry.field(
        resolver=_create,
        permission_classes=WRITE,
        description="Make a further audience; no channel feeds it yet. Needs the scope audience:write.",
    )
    audience_update: Audience = strawberry.field(
        resolver=_update,
        permission_classes=WRITE,
        description="Change what is sent of an audience; the rest stays. Needs the scope audience:write.",
    )
    audience_wording_add: Audience = strawberry.field(
        resolver=_add_wording,
        permission_classes=WRITE,
        description="A storefront shows other words than the audience's own: from now on they prove a consent, too. "
        "Needs the scope audience:write.",
    )
    channel_move: Audience = strawberry.field(
        resolver=_move,
        permission_classes=WRITE,
        description=(
            "Let a channel feed another audience, as `channelMovePreview` told; refused if it feeds another one "
            "than `source` by now. Moves no contact. Needs the scope audience:write."
        ),
    )
