"""Mutations of contacts and tags. The rules are in `audience`."""

from datetime import datetime
from enum import Enum
from typing import Annotated, cast

import strawberry
from strawberry import Info

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.buyers import Contact
from saleor_stripe_audience.api.context import shop_id
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.api.people import ConsentEvent, ErasureReceipt, Tag
from saleor_stripe_audience.audience import models, staff_actions

WRITE = "audience:write"


@strawberry.enum(description="What a person said to the shop's staff.")
class StaffConsentKind(Enum):
    GIVEN = strawberry.enum_value("given", description="Agrees to marketing, with the given wording.")
    WITHDRAWN = strawberry.enum_value("withdrawn", description="Withdraws consent.")


@strawberry.input(
    description="A contact's data. Omitted fields do not change; an empty string clears a field."
)
class ContactInput:
    first_name: str | None = strawberry.field(default=None, description="First name.")
    last_name: str | None = strawberry.field(default=None, description="Last name.")
    phone: str | None = strawberry.field(
        default=None, description="Phone number, preferably in international format, such as +441632960001."
    )
    city: str | None = strawberry.field(default=None, description="City.")
    country: str | None = strawberry.field(
        default=None, description="ISO 3166 code of the country, or its name in any language."
    )
    language: str | None = strawberry.field(
        default=None, description="Language tag, such as fr-ca, or its name."
    )

    def profile(self) -> staff_actions.Profile:
        return staff_actions.Profile(
            self.first_name, self.last_name, self.phone, self.city, self.country, self.language
        )


@strawberry.input(description="A contact to create.")
class ContactCreateInput(ContactInput):
    audience: strawberry.ID = strawberry.field(description="The audience's id.")
    email: str = strawberry.field(description="The person's email address; case-insensitive.")


@strawberry.input(description="What a person said about marketing.")
class ConsentInput:
    kind: StaffConsentKind = strawberry.field(description="What was said.")
    consent_at: datetime = strawberry.field(
        description="When it was said, with time zone. Repeating the request records only one event."
    )
    wording: str = strawberry.field(
        default="", description="The exact text that was agreed to; required if consent was given."
    )
    where: str = strawberry.field(default="", description='Where it was said, such as "by phone".')
    ip: str = strawberry.field(default="", description="The IP address, if there was one.")


@strawberry.type(description="The contact that was created.")
class ContactCreate(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The contact that was changed.")
class ContactUpdate(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The contact that was archived.")
class ContactArchive(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The contact that was restored.")
class ContactRestore(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The contact whose links were renewed.")
class ContactLinksRenew(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The contact that remains.")
class ContactMerge(Payload):
    contact: Contact | None = strawberry.field(default=None, description="The contact.")


@strawberry.type(description="The consent event that was recorded.")
class ConsentRecord(Payload):
    consent: ConsentEvent | None = strawberry.field(
        default=None,
        description="The event in the consent ledger; the same event if the request was repeated.",
    )
    contact: Contact | None = strawberry.field(default=None, description="The contact as it is now.")


@strawberry.type(description="The new or existing tag.")
class TagCreate(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The tag.")


@strawberry.type(description="The tag that was renamed.")
class TagRename(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The tag.")


@strawberry.type(description="The tag that was deleted.")
class TagDelete(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The tag as it was.")


@strawberry.type(description="The tag that was added.")
class TagAdd(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The tag.")
    changed: int = strawberry.field(default=0, description="Number of contacts that did not have it before.")


@strawberry.type(description="The tag that was removed.")
class TagRemove(Payload):
    tag: Tag | None = strawberry.field(default=None, description="The tag.")
    changed: int = strawberry.field(default=0, description="Number of contacts that had it before.")


@strawberry.type(description="What was erased.")
class ContactErase(Payload):
    receipt: ErasureReceipt | None = strawberry.field(default=None, description="The receipt.")


@strawberry.type(description="The address that was readmitted.")
class ContactReadmit(Payload):
    was_erased: bool = strawberry.field(
        default=False, description="Whether it had been erased; if not, nothing changed."
    )


_Id = Annotated[strawberry.ID, strawberry.argument(description="The contact's id.")]
_TagId = Annotated[strawberry.ID, strawberry.argument(description="The tag's id.")]
_ContactIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description="The contacts' ids, at most 100, of the tag's audience."),
]
_TagName = Annotated[str, strawberry.argument(description="1 to 100 characters; unique, ignoring case.")]
_Email = Annotated[str, strawberry.argument(description="An address that the person has or had.")]


def _create(
    info: Info,
    input: Annotated[ContactCreateInput, strawberry.argument(description="The contact to create.")],  # noqa: A002 - as in Saleor
) -> ContactCreate:
    audience = ids.key_of(input.audience, "Audience", "audience")
    made = staff_actions.create_contact(ids.actor_of(info), audience, input.email, input.profile())
    return ContactCreate(contact=cast("Contact", made))


def _update(
    info: Info,
    id: _Id,  # noqa: A002 - as in Saleor
    input: Annotated[ContactInput, strawberry.argument(description="The contact's data.")],  # noqa: A002 - as in Saleor
) -> ContactUpdate:
    changed = staff_actions.update_contact(ids.actor_of(info), ids.key_of(id, "Contact"), input.profile())
    return ContactUpdate(contact=cast("Contact", changed))


def _archive(info: Info, id: _Id) -> ContactArchive:  # noqa: A002 - as in Saleor
    archived = staff_actions.archive(ids.actor_of(info), ids.key_of(id, "Contact"))
    return ContactArchive(contact=cast("Contact", archived))


def _restore(info: Info, id: _Id) -> ContactRestore:  # noqa: A002 - as in Saleor
    restored = staff_actions.restore(ids.actor_of(info), ids.key_of(id, "Contact"))
    return ContactRestore(contact=cast("Contact", restored))


def _renew_links(info: Info, id: _Id) -> ContactLinksRenew:  # noqa: A002 - as in Saleor
    renewed = staff_actions.renew_links(ids.actor_of(info), ids.key_of(id, "Contact"))
    return ContactLinksRenew(contact=cast("Contact", renewed))


def _merge(
    info: Info,
    kept: Annotated[
        strawberry.ID,
        strawberry.argument(
            description="The contact to keep; if only the other one has an account, that one is kept."
        ),
    ],
    absorbed: Annotated[strawberry.ID, strawberry.argument(description="The other contact.")],
) -> ContactMerge:
    pair = ids.key_of(kept, "Contact", "kept"), ids.key_of(absorbed, "Contact", "absorbed")
    return ContactMerge(contact=cast("Contact", staff_actions.merge(ids.actor_of(info), *pair)))


def _record_consent(
    info: Info,
    contact: _Id,
    input: Annotated[ConsentInput, strawberry.argument(description="What the person said.")],  # noqa: A002 - as in Saleor
) -> ConsentRecord:
    said = staff_actions.ConsentInput(
        cast("str", input.kind.value), input.consent_at, input.wording, input.where, input.ip
    )
    recorded = staff_actions.record_consent(
        ids.actor_of(info), ids.key_of(contact, "Contact", "contact"), said
    )
    return ConsentRecord(consent=cast("ConsentEvent", recorded), contact=cast("Contact", recorded.contact))


def _create_tag(
    info: Info,
    audience: Annotated[strawberry.ID, strawberry.argument(description="The audience's id.")],
    name: _TagName,
) -> TagCreate:
    made = staff_actions.create_tag(ids.actor_of(info), ids.key_of(audience, "Audience", "audience"), name)
    return TagCreate(tag=cast("Tag", made))


def _rename_tag(info: Info, id: _TagId, name: _TagName) -> TagRename:  # noqa: A002 - as in Saleor
    renamed = staff_actions.rename_tag(ids.actor_of(info), ids.key_of(id, "Tag"), name)
    return TagRename(tag=cast("Tag", renamed))


def _delete_tag(info: Info, id: _TagId) -> TagDelete:  # noqa: A002 - as in Saleor
    key = ids.key_of(id, "Tag")
    tag = models.Tag.objects.filter(audience__installation=shop_id(info), pk=key).first()
    staff_actions.delete_tag(ids.actor_of(info), key)
    return TagDelete(tag=cast("Tag", tag))


def _add_tag(info: Info, tag: _TagId, contacts: _ContactIds) -> TagAdd:
    keys = ids.keys_of(contacts, "Contact", "contacts")
    found, changed = staff_actions.add_tag(ids.actor_of(info), ids.key_of(tag, "Tag", "tag"), keys)
    return TagAdd(tag=cast("Tag", found), changed=changed)


def _remove_tag(info: Info, tag: _TagId, contacts: _ContactIds) -> TagRemove:
    keys = ids.keys_of(contacts, "Contact", "contacts")
    found, changed = staff_actions.remove_tag(ids.actor_of(info), ids.key_of(tag, "Tag", "tag"), keys)
    return TagRemove(tag=cast("Tag", found), changed=changed)


def _erase(info: Info, email: _Email) -> ContactErase:
    return ContactErase(receipt=cast("ErasureReceipt", staff_actions.erase(ids.actor_of(info), email)))


def _readmit(info: Info, email: _Email) -> ContactReadmit:
    return ContactReadmit(was_erased=staff_actions.readmit(ids.actor_of(info), email))


@strawberry.type
class ContactMutations:
    contact_create: ContactCreate = mutation(
        _create,
        WRITE,
        "Create a non-subscribed contact; record consent with `consentRecord`. Refused if the "
        "audience already has a contact with the address, or if the address was erased.",
    )
    contact_update: ContactUpdate = mutation(
        _update,
        WRITE,
        "Change a contact's data, but not its status or consent. Later data from Saleor replaces it.",
    )
    contact_archive: ContactArchive = mutation(_archive, WRITE, "Archive a contact: no marketing, no ads.")
    contact_restore: ContactRestore = mutation(
        _restore, WRITE, "Restore an archived contact; its status follows from its consent."
    )
    contact_links_renew: ContactLinksRenew = mutation(
        _renew_links,
        WRITE,
        "Invalidate the links in emails already sent to the contact, except for unsubscribing; "
        "for example, if other people have them.",
    )
    contact_merge: ContactMerge = mutation(
        _merge, WRITE, "Permanently merge two contacts of the same person."
    )
    consent_record: ConsentRecord = mutation(
        _record_consent, WRITE, "Record what a person said to staff about marketing."
    )
    tag_create: TagCreate = mutation(
        _create_tag, WRITE, "Return the tag with that name; create it if needed."
    )
    tag_rename: TagRename = mutation(_rename_tag, WRITE, "Rename a tag on all its contacts.")
    tag_delete: TagDelete = mutation(_delete_tag, WRITE, "Delete a tag; it is removed from all contacts.")
    tag_add: TagAdd = mutation(
        _add_tag, WRITE, "Add a tag to contacts: to all of them or, if one fails, to none."
    )
    tag_remove: TagRemove = mutation(
        _remove_tag, WRITE, "Remove a tag from contacts. A rule that still matches adds it again."
    )
    contact_erase: ContactErase = mutation(
        _erase,
        WRITE,
        "Permanently erase everyone who has or had the address from every audience, and block the address.",
    )
    contact_readmit: ContactReadmit = mutation(
        _readmit,
        WRITE,
        "Readmit an erased address at its owner's request; no data is restored.",
    )
