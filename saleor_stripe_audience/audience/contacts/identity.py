"""Which contact a person is: found by account first, then by address. Two contacts of one person are merged.

Every function here runs inside a transaction that holds the lock of `lock_shop`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.consent import early_withdrawals, ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people import attributes, bulk
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.audiences import (
    Key,
    LockedShop,
    delete_contact,
    has_one_audience,
    lock_shop,
    note_stored,
)
from saleor_stripe_audience.audience.people.changes import mark_changed
from saleor_stripe_audience.audience.people.models import (
    NEVER,
    Audience,
    Contact,
    ContactTag,
    FormerAddress,
    FormerContact,
)
from saleor_stripe_audience.audience.people.payloads import Account
from saleor_stripe_audience.audience.people.status import Deliverability, Lifecycle
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.statements import insert_rows

PROFILE = ("first_name", "last_name", "phone", "city", "country", "language")

MergeCallback = Callable[[Contact, Contact], None]
_callbacks: list[MergeCallback] = []


def on_merge(callback: MergeCallback) -> MergeCallback:
    """Run `callback(absorbed, kept)` when two contacts are merged: it moves its own rows to `kept`."""
    _callbacks.append(callback)
    return callback


@dataclass(frozen=True, slots=True)
class Person:
    """What Saleor reported about a person at `said_at`: normalized address, account if any, profile.

    `proven` is False for an account that has not confirmed that the address is its own.
    """

    email: str
    account_id: str | None
    profile: Mapping[str, str]
    said_at: datetime
    proven: bool = True


def record_customer(shop: LockedShop, account: Account, issued_at: datetime) -> Contact | None:
    """Store a customer account; returns the contact in the default audience, or None if the person has none there.

    After a change of address the person keeps all earlier purchases, in every audience that has the person. An
    unconfirmed account creates no contact: anybody can register under any address. Nor does a staff account, for which
    Saleor sends a customer's events whenever its owner uses the Dashboard. `Rejected` without a valid address.
    """
    person = person_of(account, issued_at)
    default = shop.default
    is_customer = not account.is_staff or _find_by_account(shop, default, person) is not None
    contact = upsert_contact(shop, default, person) if is_customer else None
    if person.proven:
        by_account = Q(contacts__saleor_user_id=person.account_id)
        # Another account that had the address before is another person.
        by_address = Q(contacts__email=person.email) | Q(
            former_addresses__email=person.email, former_addresses__contact__saleor_user_id=None
        )
        audiences = Audience.objects.filter(installation_id=default.installation_id)
        elsewhere = audiences.exclude(pk=default.pk).filter(by_account | by_address).distinct()
        others = [upsert_contact(shop, audience, person) for audience in elsewhere]
        for each in (contact, *others):
            if each is not None:
                is_whole = account.metadata is not None
                attributes.store(each, account.metadata or [], issued_at, is_whole=is_whole)
    return contact


def person_of(account: Account, said_at: datetime) -> Person:
    """Return the account's owner. `Rejected` without a valid address."""
    profile = {
        "first_name": account.first_name,
        "last_name": account.last_name,
        "language": account.language,
    }
    try:
        email = normalize_email(account.email)
    except Rejected:
        raise Rejected(
            pgettext_lazy(
                "staff",
                "The email address is missing or invalid. Correct it on the customer in Saleor's Dashboard; the app "
                "picks up the next change there.",
            ),
            code="email_invalid",
        ) from None
    return Person(email, account.id, profile, said_at, proven=account.is_confirmed is True)


def upsert_contact(
    shop: LockedShop, audience: Audience, person: Person, *, bought_at: datetime | None = None
) -> Contact | None:
    """Find or create the person's contact and update it with the person's data; None if the person was erased.

    `bought_at`: a new contact is created with one paid order, which the caller stores next.
    An unconfirmed account changes nothing: it gets the contact that has its address, or None.
    """
    account_id = person.account_id if person.proven else None
    if shop.has_tombstones and erasure.concerns_erased(
        shop.installation, person.email, account_id, person.said_at
    ):
        return None
    if account_id:
        contact = _find_by_account(shop, audience, person)
    elif (Key.ADDRESS, person.email) in shop.absent:
        contact = None
    else:
        contact = find_by_address(audience, person.email)
    if person.account_id and not person.proven:
        # An account can be registered under somebody else's address, so it must not change that contact.
        return contact
    if contact is None and not account_id:
        account_id = _account_elsewhere(shop, person.email)
    is_unlinked = bool(account_id) and (contact is None or contact.saleor_user_id != account_id)
    if contact is None:
        contact = _create(shop, audience, person, bought_at)
    else:
        before = _values_of(contact)
        _set_values(contact, person)
        if _values_of(contact) != before:
            contact.save()
    if account_id and is_unlinked and (Key.ACCOUNT, account_id) not in shop.absent:
        _copy_addresses_from_other_audiences(contact, account_id)
    shop.absent -= {(Key.ADDRESS, person.email), (Key.ACCOUNT, account_id or "")}
    mark_changed(contact)
    if len(shop.audience_ids) > 1:
        ledger.carry_withdrawals(contact)
    return contact


def _create(shop: LockedShop, audience: Audience, person: Person, bought_at: datetime | None) -> Contact:
    contact = Contact(
        audience=audience,
        email=person.email,
        orders_count=0 if bought_at is None else 1,
        first_order_at=bought_at,
        last_order_at=bought_at,
    )
    _set_values(contact, person)
    insert_rows([contact])
    shop.created.add(contact.pk)
    if shop.has_tombstones:
        erasure.adopt_former_links(contact)
    if shop.has_early_withdrawals:
        early_withdrawals.apply(audience, [contact.email])
        contact.refresh_from_db(fields=["consent", "soft_opt_in", "updated_at"])
    return contact


def delete_if_empty(contact: Contact | None) -> None:
    """Delete a contact that only had carts and orders which are now gone, anonymous or somebody else's.

    A contact that the merchant added stays, and so does one that must not get email.
    """
    if contact is None or contact.saleor_user_id is not None or contact.is_curated:
        return
    if contact.deliverability != Deliverability.OK or contact.lifecycle != Lifecycle.ACTIVE:
        return
    if contact.contact_tags.exclude(origin=ContactTag.Origin.RULE).exists():
        return
    if not any(rows.exists() for rows in (contact.purchases, contact.consents, contact.carts)):
        delete_contact(contact)


def find_by_address(audience: Audience, email: str) -> Contact | None:
    """Return the contact that has the address, or else the one that had it before if no other account has it now."""
    present = audience.contacts.filter(email=email)
    former = audience.contacts.filter(former_addresses__email=email)
    found = {contact.email == email: contact for contact in present.union(former, all=True)}
    contact = found.get(True) or found.get(False)
    if contact is None:
        return None
    if contact.email != email:
        account_id = accounts_elsewhere(audience, [email]).get(email)
        if account_id is not None and account_id != contact.saleor_user_id:
            return None
    contact.audience = audience
    return contact


def accounts_elsewhere(audience: Audience, emails: Collection[str]) -> dict[str, str]:
    """Return the accounts that have the addresses now in other audiences of the shop, by address."""
    if has_one_audience(audience.installation_id):
        return {}
    of_shop = Audience.objects.filter(installation=audience.installation_id).exclude(pk=audience.pk)
    ids = list(of_shop.values_list("pk", flat=True))
    holders = bulk.filter_in(Contact.objects.filter(audience__in=ids), "email", list(emails))
    rows = holders.values_list("email", "saleor_user_id")
    return {email: account_id for email, account_id in rows if account_id is not None}


def _find_by_account(shop: LockedShop, audience: Audience, person: Person) -> Contact | None:
    if (Key.ACCOUNT, person.account_id) not in shop.absent:
        by_account = audience.contacts.filter(saleor_user_id=person.account_id).first()
        if by_account is not None:
            return by_account
    if (Key.ADDRESS, person.email) in shop.absent:
        return None
    by_address = audience.contacts.filter(email=person.email).first()
    if by_address is not None:
        return by_address
    # An account that was deleted and created again under its address is the same person. An account that takes over
    # an address which its holder had given up is another one.
    rows = FormerAddress.objects.filter(audience=audience, email=person.email)
    former = rows.select_related("contact").first()
    if former is None:
        return None
    is_earlier = _moment(person.said_at) < former.contact.known_at.get("email", "")
    is_same = former.held_at >= person.said_at or (former.saleor_user_id == person.account_id and is_earlier)
    former.contact.audience = audience
    return former.contact if is_same else None


def _account_elsewhere(shop: LockedShop, email: str) -> str | None:
    """Return the account that has or had the address in another audience: a guest who uses it is the same person."""
    if len(shop.audience_ids) == 1 or (Key.ADDRESS, email) in shop.absent:
        return None
    linked = Contact.objects.filter(audience__in=shop.audience_ids, saleor_user_id__isnull=False)
    present = linked.filter(email=email).values_list("saleor_user_id", flat=True)
    former = linked.filter(former_addresses__email=email).order_by("-former_addresses__held_at")
    return present.first() or former.values_list("saleor_user_id", flat=True).first()


def link_to_accounts_elsewhere(audience: Audience, emails: Collection[str]) -> None:
    """Link the audience's guests with these addresses to the accounts that have or had them in another audience.

    For contacts that staff or an import added: those of events are linked by `upsert_contact`.
    """
    if has_one_audience(audience.installation_id):
        return
    of_shop = Audience.objects.filter(installation=audience.installation_id).exclude(pk=audience.pk)
    elsewhere = list(of_shop.values_list("pk", flat=True))
    former = FormerAddress.objects.filter(audience__in=elsewhere, contact__saleor_user_id__isnull=False)
    rows = bulk.filter_in(former, "email", list(emails)).order_by("held_at")
    accounts = dict(rows.values_list("email", "contact__saleor_user_id"))
    accounts |= accounts_elsewhere(audience, emails)
    for email, account_id in accounts.items():
        contact = audience.contacts.filter(email=email, saleor_user_id=None).first()
        if contact is not None and account_id is not None:
            _copy_addresses_from_other_audiences(contact, account_id)
            mark_changed(contact)


def _link(contact: Contact, person: Person) -> None:
    """Set the contact's account and address, unless a newer event has set them already."""
    moment = _moment(person.said_at)
    is_newest = moment >= contact.known_at.get("email", "")
    if contact.email != person.email:
        if is_newest:
            _change_address(contact, person.email)
        else:
            _add_former_address(contact, person.email, person.said_at, person.account_id)
    if is_newest:
        contact.saleor_user_id = person.account_id
        contact.known_at["email"] = moment


def _copy_addresses_from_other_audiences(contact: Contact, account_id: str) -> None:
    """Copy the account's addresses from the shop's other audiences: an order can arrive after a change of address."""
    before = _values_of(contact)
    twins = Contact.objects.filter(
        audience__installation_id=contact.audience.installation_id, saleor_user_id=account_id
    ).exclude(audience=contact.audience_id)
    for twin in twins:
        for former in twin.former_addresses.all():
            if former.email != contact.email:
                _add_former_address(contact, former.email, former.held_at, former.saleor_user_id)
        said_at = datetime.fromisoformat(twin.known_at["email"])
        _link(contact, Person(twin.email, account_id, {}, said_at))
    if _values_of(contact) != before:
        contact.save()


def merge(kept: Contact, absorbed: Contact) -> Contact:
    """Merge two contacts that staff found to be one person; returns the remaining contact, archived if both were.

    The one with an account remains, because Saleor sends the account again. `Rejected` if both have an account, or if
    they are not two contacts of one audience.
    """
    with transaction.atomic():
        lock_shop(kept.audience.installation)
        kept, absorbed = (Contact.objects.get(pk=each.pk) for each in (kept, absorbed))
        if kept == absorbed or kept.audience_id != absorbed.audience_id:
            raise Rejected(
                pgettext_lazy("staff", "Choose two different contacts of the same audience."), code="merge"
            )
        if kept.saleor_user_id and absorbed.saleor_user_id:
            raise Rejected(
                pgettext_lazy(
                    "staff",
                    "Both contacts have an account in Saleor, which will send both accounts again. Delete one of the "
                    "accounts in Saleor's Dashboard first.",
                ),
                code="merge_two_accounts",
            )
        if absorbed.saleor_user_id:
            kept, absorbed = absorbed, kept
        email, is_archived = absorbed.email, kept.lifecycle == absorbed.lifecycle == Lifecycle.ARCHIVED
        _merge(absorbed, kept)
        kept.lifecycle = Lifecycle.ARCHIVED if is_archived else Lifecycle.ACTIVE
        _store_former_address(kept, email, timezone.now(), None)
        kept.is_curated = True
        kept.save()
        ledger.carry_withdrawals(kept)
        return kept


def _change_address(contact: Contact, email: str) -> None:
    """Change the contact's address; a guest or an older account that has it is the same person."""
    holder = contact.audience.contacts.filter(email=email).exclude(pk=contact.pk).first()
    _take_over_bounces(contact, holder)
    if holder is not None:
        _merge(holder, contact)
    FormerAddress.objects.filter(audience=contact.audience, email=email).delete()
    # Without a time the contact had no account until now: nobody can have claimed its address in the meantime.
    held_at = contact.known_at.get("email")
    last_held_at = datetime.fromisoformat(held_at) if held_at else NEVER
    _store_former_address(contact, contact.email, last_held_at, contact.saleor_user_id)
    contact.email = email
    note_stored(contact.audience.installation_id, Key.ADDRESS, email)


def _take_over_bounces(contact: Contact, holder: Contact | None) -> None:
    """Replace the bounces of the contact's old address by those of its new one, which `holder` had until now.

    A complaint concerns the person, so it remains.
    """
    if contact.deliverability != Deliverability.COMPLAINED:
        has_bounced = holder is not None and holder.deliverability == Deliverability.BOUNCED
        contact.deliverability = Deliverability.BOUNCED if has_bounced else Deliverability.OK
    contact.soft_bounces.all().delete()
    if holder is not None:
        holder.soft_bounces.update(contact=contact)


def _add_former_address(contact: Contact, email: str, held_at: datetime, account_id: str | None) -> None:
    """Add an earlier address from a late event: guest purchases under it belong to this person."""
    holder = find_by_address(contact.audience, email)
    if holder is None or holder == contact:
        _store_former_address(contact, email, held_at, account_id)
    elif holder.email == email and holder.known_at.get("email", "") < _moment(held_at):
        _merge(holder, contact)
        _store_former_address(contact, email, held_at, account_id)


def _store_former_address(contact: Contact, email: str, held_at: datetime, account_id: str | None) -> None:
    row = FormerAddress.objects.filter(audience=contact.audience, email=email).first()
    values = {"contact": contact, "held_at": held_at, "saleor_user_id": account_id or ""}
    if row is not None and row.held_at > held_at:
        values |= {"held_at": row.held_at, "saleor_user_id": row.saleor_user_id}
    FormerAddress.objects.update_or_create(audience=contact.audience, email=email, defaults=values)
    note_stored(contact.audience.installation_id, Key.ADDRESS, email)


def _merge(absorbed: Contact, kept: Contact) -> None:
    """Move everything from `absorbed` to `kept` and delete `absorbed`; the caller saves `kept`.

    Their consent events become one ledger, in which the latest event counts.
    """
    absorbed.purchases.update(contact=kept)
    absorbed.former_addresses.update(contact=kept)
    absorbed.former_contacts.update(contact=kept)
    Consent.objects.follow(absorbed, kept)
    absorbed.confirmation_mails.update(contact=kept)
    # Links of one address differ only in their generation: those that were renewed must stay invalid.
    kept.link_generation = max(kept.link_generation, absorbed.link_generation)
    attributes.merge(absorbed, kept)
    for callback in _callbacks:
        callback(absorbed, kept)
    for field in PROFILE:
        _update_field(kept, field, getattr(absorbed, field), absorbed.known_at.get(field, ""))
    if Deliverability.COMPLAINED in (absorbed.deliverability, kept.deliverability):
        kept.deliverability = Deliverability.COMPLAINED
    if absorbed.lifecycle == Lifecycle.ARCHIVED:
        kept.lifecycle = Lifecycle.ARCHIVED  # only staff and the person restore a contact
    kept.is_curated = kept.is_curated or absorbed.is_curated
    FormerContact.objects.create(pk=absorbed.pk, contact=kept)
    delete_contact(absorbed)
    ledger.refresh(kept)


def _set_values(contact: Contact, person: Person) -> None:
    """Set what is known about the person, unless newer events have set it already; the caller saves the contact."""
    if person.account_id:
        _link(contact, person)
    moment = _moment(person.said_at)
    for field in PROFILE:
        _update_field(contact, field, person.profile.get(field, ""), moment)


def _values_of(contact: Contact) -> dict[str, Any]:
    """Return the contact's columns, without those that the database computes."""
    columns = (each for each in Contact._meta.concrete_fields if not each.generated)  # noqa: SLF001 - Django documents _meta
    return {each.attname: getattr(contact, each.attname) for each in columns} | {
        "known_at": dict(contact.known_at)  # the one that is changed in place
    }


def _update_field(contact: Contact, field: str, value: str, moment: str) -> None:
    """Set the field if the value is newer and not empty; of two values of one moment the greater, in any order."""
    if value and (moment, value) >= (contact.known_at.get(field, ""), getattr(contact, field)):
        setattr(contact, field, value)
        contact.known_at[field] = moment


def _moment(at: datetime) -> str:
    """Return the time as text that sorts chronologically."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
