"""What is changed of contacts and tags over the API. The work is done by `audience.by_hand`."""

from datetime import datetime
from enum import Enum
from typing import Annotated, cast

import strawberry
from strawberry import Info, relay

from saleor_stripe_audience.api import ids, types
from saleor_stripe_audience.api.audiences import WRITE
from saleor_stripe_audience.api.people import ConsentWord, ErasureReceipt, Tag
from saleor_stripe_audience.audience import by_hand


@strawberry.enum(description="What a person told the shop's staff.")
class StaffWord(Enum):
    GIVEN = strawberry.enum_value(
        "given", description="Agrees to marketing, to the wording that is sent along."
    )
    WITHDRAWN = strawberry.enum_value("withdrawn", description="Takes consent back.")


@strawberry.type(description="What was written down, and the contact as it is now.")
class ConsentRecorded:
    consent: ConsentWord = strawberry.field(description="The row of the ledger; the same if told twice.")
    contact: types.Contact = strawberry.field(description="The contact.")


@strawberry.type(description="What became of a tag.")
class TagChange:
    tag: Tag = strawberry.field(description="The tag.")
    changed: int = strawberry.field(description="Of how many contacts that changed something.")


@strawberry.type(description="An address that may come in again.")
class Readmission:
    was_erased: bool = strawberry.field(description="Whether it had been erased; if not, nothing changed.")


@strawberry.input(
    description="What is known of a person. What is left out stays as it is; an empty text empties it."
)
class ContactProfile:
    first_name: str | None = strawberry.field(default=None, description="First name.")
    last_name: str | None = strawberry.field(default=None, description="Last name.")
    phone: str | None = strawberry.field(default=None, description="Telephone number, best as +441632960001.")
    city: str | None = strawberry.field(default=None, description="City.")
    country: str | None = strawberry.field(
        default=None, description="ISO 3166 code of the country, or its name in any language."
    )
    language: str | None = strawberry.field(
        default=None, description="Language tag, such as fr-ca, or its name."
    )

    def told(self) -> by_hand.Profile:
        """The same for `by_hand`."""
        return by_hand.Profile(
            self.first_name, self.last_name, self.phone, self.city, self.country, self.language
        )


_Profile = strawberry.argument(description="What is known of the person.")
_Address = strawberry.argument(description="The person's address; capitals do not matter.")
_AudienceId = strawberry.argument(description="The audience's id.")
_Contact = strawberry.argument(description="The contact's id.")
_Contacts = strawberry.argument(description="The contacts' ids, at most 100, of the tag's audience.")
_Tag = strawberry.argument(description="The tag's id.")
_TagName = strawberry.argument(description="1 to 100 characters; capitals make no other tag.")
_Email = strawberry.argument(description="An address that the person has or had.")
_Kind = strawberry.argument(description="What was said.")
_At = strawberry.argument(
    description="When it was said, with time zone. Telling the same again is one row in the ledger."
)
_Wording = strawberry.argument(description="What was agreed to, word for word; needed where it was given.")
_Where = strawberry.argument(description="Where it was said, such as: by telephone.")
_Ip = strawberry.argument(description="The computer's address, if there was one.")


def _create(
    info: Info,
    audience: Annotated[relay.GlobalID, _AudienceId],
    email: Annotated[str, _Address],
    profile: Annotated[ContactProfile | None, _Profile] = None,
) -> types.Contact:
    told = (profile or ContactProfile()).told()
    made = by_hand.create_contact(ids.doer(info), ids.key_of(audience, "Audience"), email, told)
    return cast("types.Contact", made)


def _update(
    info: Info,
    id: Annotated[relay.GlobalID, _Contact],  # noqa: A002 - relay names the argument
    profile: Annotated[ContactProfile, _Profile],
) -> types.Contact:
    changed = by_hand.update_contact(ids.doer(info), ids.key_of(id, "Contact"), profile.told())
    return cast("types.Contact", changed)


def _archive(
    info: Info,
    id: Annotated[relay.GlobalID, _Contact],  # noqa: A002 - relay names the argument
) -> types.Contact:
    return cast("types.Contact", by_hand.archive(ids.doer(info), ids.key_of(id, "Contact")))


def _restore(
    info: Info,
    id: Annotated[relay.GlobalID, _Contact],  # noqa: A002 - as above
) -> types.Contact:
    return cast("types.Contact", by_hand.restore(ids.doer(info), ids.key_of(id, "Contact")))


def _renew_links(
    info: Info,
    id: Annotated[relay.GlobalID, _Contact],  # noqa: A002 - as above
) -> types.Contact:
    return cast("types.Contact", by_hand.renew_links(ids.doer(info), ids.key_of(id, "Contact")))


def _merge(
    info: Info,
    kept: Annotated[
        relay.GlobalID,
        strawberry.argument(description="The one to go on; if only the other has an account, that one does."),
    ],
    absorbed: Annotated[relay.GlobalID, strawberry.argument(description="The other one.")],
) -> types.Contact:
    merged = by_hand.merge(ids.doer(info), ids.key_of(kept, "Contact"), ids.key_of(absorbed, "Contact"))
    return cast("types.Contact", merged)


def _consent_record(
    info: Info,
    contact: Annotated[relay.GlobalID, _Contact],
    kind: Annotated[StaffWord, _Kind],
    at: Annotated[datetime, _At],
    wording: Annotated[str, _Wording] = "",
    where: Annotated[str, _Where] = "",
    ip: Annotated[str, _Ip] = "",
) -> ConsentRecorded:
    said = by_hand.Said(cast("str", kind.value), at, wording, where, ip)
    written = by_hand.record_word(ids.doer(info), ids.key_of(contact, "Contact"), said)
    return ConsentRecorded(
        consent=cast("ConsentWord", written), contact=cast("types.Contact", written.contact)
    )


def _tag_create(
    info: Info,
    audience: Annotated[relay.GlobalID, strawberry.argument(description="The audience's id.")],
    name: Annotated[str, _TagName],
) -> Tag:
    return cast("Tag", by_hand.create_tag(ids.doer(info), ids.key_of(audience, "Audience"), name))


def _tag_rename(
    info: Info,
    id: Annotated[relay.GlobalID, _Tag],  # noqa: A002 - as above
    name: Annotated[str, _TagName],
) -> Tag:
    return cast("Tag", by_hand.rename_tag(ids.doer(info), ids.key_of(id, "Tag"), name))


def _tag_delete(
    info: Info,
    id: Annotated[relay.GlobalID, _Tag],  # noqa: A002 - as above
) -> relay.GlobalID:
    by_hand.delete_tag(ids.doer(info), ids.key_of(id, "Tag"))
    return id


def _tag_add(
    info: Info,
    tag: Annotated[relay.GlobalID, _Tag],
    contacts: Annotated[list[relay.GlobalID], _Contacts],
) -> TagChange:
    found, count = by_hand.put_tag_on(
        ids.doer(info), ids.key_of(tag, "Tag"), ids.keys_of(contacts, "Contact")
    )
    return TagChange(tag=cast("Tag", found), changed=count)


def _tag_remove(
    info: Info,
    tag: Annotated[relay.GlobalID, _Tag],
    contacts: Annotated[list[relay.GlobalID], _Contacts],
) -> TagChange:
    found, count = by_hand.take_tag_off(
        ids.doer(info), ids.key_of(tag, "Tag"), ids.keys_of(contacts, "Contact")
    )
    return TagChange(tag=cast("Tag", found), changed=count)


def _erase(info: Info, email: Annotated[str, _Email]) -> ErasureReceipt:
    return cast("ErasureReceipt", by_hand.erase(ids.doer(info), email))


def _readmit(info: Info, email: Annotated[str, _Email]) -> Readmission:
    return Readmission(was_erased=by_hand.readmit(ids.doer(info), email))


@strawberry.type
class ContactMutations:
    contact_create: types.Contact = strawberry.field(
        resolver=_create,
        permission_classes=WRITE,
        description=(
            "Make a contact, non-subscribed: consent is recorded by `consentRecord`. Refused if the audience has one "
            "of the address, or the address was erased. Needs the scope audience:write."
        ),
    )
    contact_update: types.Contact = strawberry.field(
        resolver=_update,
        permission_classes=WRITE,
        description=(
            "Change what is known of a person; never status or consent. What Saleor says later replaces it. Needs "
            "the scope audience:write."
        ),
    )
    contact_archive: types.Contact = strawberry.field(
        resolver=_archive,
        permission_classes=WRITE,
        description="File a contact away: no marketing, no ads. Needs the scope audience:write.",
    )
    contact_restore: types.Contact = strawberry.field(
        resolver=_restore,
        permission_classes=WRITE,
        description="Work with it again; its status is what its consent makes it. Needs the scope audience:write.",
    )
    contact_links_renew: types.Contact = strawberry.field(
        resolver=_renew_links,
        permission_classes=WRITE,
        description="Links in mails to the contact fell into wrong hands: from now on they only unsubscribe. Needs the "
        "scope audience:write.",
    )
    contact_merge: types.Contact = strawberry.field(
        resolver=_merge,
        permission_classes=WRITE,
        description="Two contacts are one person, for good. Needs the scope audience:write.",
    )
    consent_record: ConsentRecorded = strawberry.field(
        resolver=_consent_record,
        permission_classes=WRITE,
        description="Write down what a person told staff about marketing. Needs the scope audience:write.",
    )
    tag_create: Tag = strawberry.field(
        resolver=_tag_create,
        permission_classes=WRITE,
        description="The tag of that name, made if it is new. Needs the scope audience:write.",
    )
    tag_rename: Tag = strawberry.field(
        resolver=_tag_rename,
        permission_classes=WRITE,
        description="Another name for a tag, wherever it is. Needs the scope audience:write.",
    )
    tag_delete: relay.GlobalID = strawberry.field(
        resolver=_tag_delete,
        permission_classes=WRITE,
        description="Take a tag away from everybody; returns its id. Needs the scope audience:write.",
    )
    tag_add: TagChange = strawberry.field(
        resolver=_tag_add,
        permission_classes=WRITE,
        description="Put a tag on contacts: on all of them, or on none. Needs the scope audience:write.",
    )
    tag_remove: TagChange = strawberry.field(
        resolver=_tag_remove,
        permission_classes=WRITE,
        description="Take a tag off contacts. A rule that still fits puts it on again. Needs the scope audience:write.",
    )
    contact_erase: ErasureReceipt = strawberry.field(
        resolver=_erase,
        permission_classes=WRITE,
        description=(
            "Erase whoever has or had the address from every audience, for good, and keep the address out; returns "
            "the receipt. Needs the scope audience:write."
        ),
    )
    contact_readmit: Readmission = strawberry.field(
        resolver=_readmit,
        permission_classes=WRITE,
        description=(
            "Let an erased address in again, at the person's own wish; nothing comes back. Needs the scope "
            "audience:write."
        ),
    )
