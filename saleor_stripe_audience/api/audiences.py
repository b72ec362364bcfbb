"""The shop's audiences over the API: what they are, which channels feed them, how they are changed."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import facts_of, needs, shop_id
from saleor_stripe_audience.api.enums import Purpose, Status
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.api.people import Tag, purposes
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.people import audiences
from saleor_stripe_audience.audience.signup.metadata import clear_missing_wording
from saleor_stripe_audience.audience.transfer.ads import NOTE

READ = [needs("audience:read")]


@strawberry.type(description="The number of contacts with a status.")
class StatusCount:
    status: Status = strawberry.field(description="The status.")
    count: int = strawberry.field(description="The exact number.")


@strawberry.type(description="What contacts with a status may receive.")
class StatusRule:
    status: Status = strawberry.field(description="The status.")
    may_receive: list[Purpose] = strawberry.field(
        description="What may be sent to contacts with this status."
    )


@strawberry.type(description="A wording of an audience, and when it was in use. Wordings are never removed.")
class AudienceWording:
    text: str = strawberry.field(description="The text, exactly.")
    language: str = strawberry.field(
        description="The language in which the app's pages and emails show it; empty for all languages."
    )
    version: int | None = strawberry.field(
        description="Its version number among the audience's own texts in this language; null for a wording "
        "that storefronts show."
    )
    since: datetime = strawberry.field(description="When it started to prove consent.")
    until: datetime | None = strawberry.field(description="When it was replaced; null while it is in use.")


def _wording_versions(root: strawberry.Parent[models.Audience], info: Info) -> list[AudienceWording]:
    versions = facts_of(info).wording_versions[root.pk]
    return [
        AudienceWording(
            text=each.text, language=each.language, version=each.number, since=each.since, until=each.until
        )
        for each in versions
    ]


def _channels(root: strawberry.Parent[models.Audience], info: Info) -> list[str]:
    return facts_of(info).channels.get(root.pk, [])


def _wordings(root: strawberry.Parent[models.Audience], info: Info) -> list[str]:
    return facts_of(info).wordings[root.pk]


def _attribute_keys(root: strawberry.Parent[models.Audience]) -> list[str]:
    return list(root.attribute_keys)


def _counts(root: strawberry.Parent[models.Audience], info: Info) -> list[StatusCount]:
    counted = facts_of(info).contacts_by_status[root.pk]
    return [StatusCount(status=each, count=counted[each.value]) for each in Status]


@strawberry_django.type(models.Audience, description="A list of the shop's contacts.")
class Audience(relay.Node):
    name: str = strawberry_django.field(description="Its name.")
    is_default: bool = strawberry_django.field(
        description="Whether it is the default audience, which is used for channels without their own "
        "audience and wherever none is named."
    )
    language: str = strawberry_django.field(description="Language tag; empty if not chosen.")
    double_opt_in: bool = strawberry_django.field(
        description="Whether consent takes effect only once it is confirmed by email."
    )
    consent_text: str = strawberry_django.field(
        description="The wording that is recorded if a storefront does not send the one that it showed."
    )
    cart_silence_minutes: int = strawberry_django.field(
        description="Minutes of inactivity after which a cart counts as abandoned."
    )
    sender_name: str = strawberry_django.field(
        description="The sender name of its emails; empty for the shop's name."
    )
    consent_keys: list[str] = strawberry_django.field(
        description="Additional Saleor metadata keys that mean that the box was ticked, such as newsletter. "
        "The time, wording, source and IP address are read from keys with the same name and the "
        "suffixes _at, _text, _source and _ip."
    )
    known_wordings: list[str] = strawberry_django.field(
        resolver=_wordings,
        only=["pk"],
        description="The wordings that prove consent: the audience's current text first, then its earlier "
        "texts and the added wordings.",
    )
    wordings: list[AudienceWording] = strawberry_django.field(
        resolver=_wording_versions,
        only=["pk"],
        description="The same wordings with their languages, versions and periods of use, newest first.",
    )
    attribute_keys: list[str] = strawberry_django.field(
        resolver=_attribute_keys,
        only=["attribute_keys"],
        description="The Saleor metadata keys whose values are stored as contact attributes; no others are "
        "stored.",
    )
    ads_to_buyers: bool = strawberry_django.field(
        description=f"Whether advertising lists also include non-subscribed buyers. {NOTE}"
    )
    created_at: datetime = strawberry_django.field(description="When it was created.")
    channels: list[str] = strawberry_django.field(
        resolver=_channels,
        only=["pk"],
        description="Slugs of the sales channels that feed it.",
    )
    contacts_by_status: list[StatusCount] = strawberry_django.field(
        resolver=_counts,
        only=["pk"],
        description="Number of contacts by status. Every contact is counted, so request it only if needed.",
    )
    tags: list[Tag] = strawberry_django.field(description="Its tags.")

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.type(description="What moving a channel to another audience would do.")
class ChannelMovePreview:
    channel: str = strawberry.field(description="Slug of the channel.")
    source: Audience = strawberry.field(description="The audience that it feeds now.")
    target: Audience = strawberry.field(description="The audience that it would feed.")
    contacts: int = strawberry.field(
        description="Number of contacts in the source who bought through the channel."
    )
    subscribed: int = strawberry.field(description="How many of them are subscribed to the source.")
    already_there: int = strawberry.field(description="How many of them are already contacts in the target.")
    sentences: list[str] = strawberry.field(description="The same in sentences, for the merchant.")


@strawberry.input(description="An audience's settings. Omitted settings do not change.")
class AudienceInput:
    name: str | None = strawberry.field(default=None, description="Its name: one line, unique in the shop.")
    language: str | None = strawberry.field(default=None, description="Language tag, such as en or fr-ca.")
    double_opt_in: bool | None = strawberry.field(
        default=None,
        description="Whether consent takes effect only once it is confirmed by email. Needs a mail server.",
    )
    consent_text: str | None = strawberry.field(
        default=None, description="The wording that is recorded if a storefront does not send one."
    )
    cart_silence_minutes: int | None = strawberry.field(
        default=None, description="Minutes of inactivity after which a cart counts as abandoned."
    )
    sender_name: str | None = strawberry.field(
        default=None, description="The sender name of its emails: one line; empty for the shop's name."
    )
    consent_keys: list[str] | None = strawberry.field(
        default=None, description="Additional Saleor metadata keys that mean that the box was ticked."
    )
    attribute_keys: list[str] | None = strawberry.field(
        default=None,
        description="Metadata keys of Saleor accounts and orders whose values are stored on contacts. "
        "Removing a key from the list deletes its values. Values arrive with each person's next "
        "event, or with a backfill.",
    )
    ads_to_buyers: bool | None = strawberry.field(
        default=None, description=f"Whether advertising lists also include non-subscribed buyers. {NOTE}"
    )

    def settings(self, present: audiences.AudienceSettings) -> audiences.AudienceSettings:
        """Return the current settings, updated with those that were sent."""
        sent = {name: value for name, value in vars(self).items() if value is not None}
        return replace(present, **sent)


@strawberry.input(description="An audience to create.")
class AudienceCreateInput(AudienceInput):
    name: str = strawberry.field(description="Its name: one line, unique in the shop.")


@strawberry.type(description="The audience that was created.")
class AudienceCreate(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.type(description="The audience that was changed.")
class AudienceUpdate(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.type(description="The audience with the added wording.")
class AudienceWordingAdd(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.type(description="The audience whose own text was replaced.")
class AudienceWordingReplace(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience.")


@strawberry.type(description="The audience that was deleted.")
class AudienceDelete(Payload):
    id: strawberry.ID | None = strawberry.field(default=None, description="The id that it had.")


@strawberry.type(description="The channel that was moved.")
class ChannelMove(Payload):
    audience: Audience | None = strawberry.field(default=None, description="The audience that it feeds now.")


_Id = Annotated[strawberry.ID, strawberry.argument(description="The audience's id.")]
_Channel = Annotated[str, strawberry.argument(description="Slug of the channel.")]
_Target = Annotated[strawberry.ID, strawberry.argument(description="Id of the audience that it should feed.")]


def own_audience(info: Info, given: strawberry.ID, field: str = "id") -> models.Audience:
    """Return the shop's audience with that id; `InvalidInput` if there is none."""
    own = models.Audience.objects.filter(installation_id=shop_id(info))
    found = own.filter(pk=ids.key_of(given, "Audience", field)).select_related("installation").first()
    if found is None:
        raise ids.not_found("Audience", field)
    return found


def _audiences(info: Info) -> list[Audience]:
    return cast("list[Audience]", audiences.audiences_of(ids.own_shop(info)))


def _status_rules() -> list[StatusRule]:
    return [StatusRule(status=each, may_receive=purposes(each)) for each in Status]


def _preview_move(info: Info, channel: _Channel, target: _Target) -> ChannelMovePreview:
    move = audiences.preview_move(ids.own_shop(info), channel, own_audience(info, target, "target"))
    return ChannelMovePreview(
        channel=move.channel,
        source=cast("Audience", move.source),
        target=cast("Audience", move.target),
        contacts=move.contacts,
        subscribed=move.subscribed,
        already_there=move.already_there,
        sentences=move.sentences(),
    )


def _create(
    info: Info,
    input: Annotated[AudienceCreateInput, strawberry.argument(description="The audience to create.")],  # noqa: A002 - as in Saleor
) -> AudienceCreate:
    made = audiences.create_audience(
        ids.own_shop(info), input.settings(audiences.AudienceSettings(input.name))
    )
    return AudienceCreate(audience=cast("Audience", made))


def _update(
    info: Info,
    id: _Id,  # noqa: A002 - as in Saleor
    input: Annotated[AudienceInput, strawberry.argument(description="The changes.")],  # noqa: A002 - as in Saleor
) -> AudienceUpdate:
    audience = own_audience(info, id)
    changed = audiences.change_audience(audience, input.settings(audiences.settings_of(audience)))
    clear_missing_wording(changed)
    return AudienceUpdate(audience=cast("Audience", changed))


def _add_wording(
    info: Info,
    id: _Id,  # noqa: A002 - as in Saleor
    wording: Annotated[str, strawberry.argument(description="The text that a storefront shows, exactly.")],
) -> AudienceWordingAdd:
    audience = own_audience(info, id)
    wordings.add(audience, wording)
    return AudienceWordingAdd(audience=cast("Audience", audience))


def _replace_wording(
    info: Info,
    id: _Id,  # noqa: A002 - as in Saleor
    wording: Annotated[str, strawberry.argument(description="The new text, exactly.")],
    language: Annotated[
        str,
        strawberry.argument(description="The language that it is for, such as en or fr-ca; empty for all."),
    ] = "",
) -> AudienceWordingReplace:
    audience = own_audience(info, id)
    wordings.change_own_text(audience, wording, language)
    clear_missing_wording(audience)
    audience.refresh_from_db()
    return AudienceWordingReplace(audience=cast("Audience", audience))


def _delete(info: Info, id: _Id) -> AudienceDelete:  # noqa: A002 - as in Saleor
    audiences.delete_audience(own_audience(info, id))
    return AudienceDelete(id=id)


def _move(
    info: Info,
    channel: _Channel,
    seen: Annotated[
        strawberry.ID,
        strawberry.argument(
            name="source", description="Id of the audience that it feeds, according to the preview."
        ),
    ],
    target: _Target,
) -> ChannelMove:
    source, wanted = own_audience(info, seen, "source"), own_audience(info, target, "target")
    audiences.move_channel_from(ids.own_shop(info), channel, source, wanted)
    return ChannelMove(audience=cast("Audience", wanted))


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
    channel_move_preview: ChannelMovePreview = strawberry.field(
        resolver=_preview_move,
        permission_classes=READ,
        description="Preview what moving a channel would do; nothing is changed. Needs the scope audience:read.",
    )


@strawberry.type
class AudienceMutations:
    audience_create: AudienceCreate = mutation(
        _create, "audience:write", "Create another audience; no channel feeds it yet."
    )
    audience_update: AudienceUpdate = mutation(
        _update, "audience:write", "Update an audience; omitted settings do not change."
    )
    audience_wording_add: AudienceWordingAdd = mutation(
        _add_wording,
        "audience:write",
        "Add a wording that a storefront shows; from then on, it also proves consent.",
    )
    audience_wording_replace: AudienceWordingReplace = mutation(
        _replace_wording,
        "audience:write",
        "Replace the audience's own text, for all languages or for one. The previous text is kept as proof.",
    )
    audience_delete: AudienceDelete = mutation(
        _delete,
        "audience:write",
        "Delete an audience that has no contacts and no channels, along with its segments and "
        "tags. The default audience cannot be deleted.",
    )
    channel_move: ChannelMove = mutation(
        _move,
        "audience:write",
        "Make a channel feed another audience, as previewed with `channelMovePreview`. Refused if "
        "the channel no longer feeds `source`. Contacts do not move.",
    )
