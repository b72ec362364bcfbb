"""A contact as lists show it: its status in words and color, what it spent, and its language by name."""

from dataclasses import dataclass

from django.conf.locale import LANG_INFO
from django.utils.functional import Promise
from django.utils.translation import get_language_info, gettext_lazy

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.visible import Totals, amounts_of
from saleor_stripe_audience.dashboard.amounts import format_amount

Badge = tuple[str, str | Promise]  # its color and its text

CONTACT_BADGES: dict[str, Badge] = {
    Contact.Status.NONSUBSCRIBED: ("plain", gettext_lazy("Not subscribed")),
    Contact.Status.PENDING: ("todo", gettext_lazy("Pending confirmation")),
    Contact.Status.SUBSCRIBED: ("good", gettext_lazy("Subscribed")),
    Contact.Status.UNSUBSCRIBED: ("plain", gettext_lazy("Unsubscribed")),
    Contact.Status.CLEANED: ("bad", gettext_lazy("Undeliverable")),
    Contact.Status.ARCHIVED: ("plain", gettext_lazy("Archived")),
}


@dataclass(frozen=True, slots=True)
class ContactRow:
    contact: Contact
    color: str
    status: str | Promise


def row_of(contact: Contact) -> ContactRow:
    color, status = CONTACT_BADGES.get(contact.status, ("plain", contact.status))
    return ContactRow(contact, color, status)


def spent_by(figures: Contact | Totals) -> tuple[str, ...]:
    """Return what the contact spent, in each of its currencies."""
    spent = sorted(amounts_of(figures), key=lambda each: each.currency)
    return tuple(format_amount(each.spent_minor, each.currency) for each in spent)


def language_name(tag: str) -> str:
    """Return the language's name in the reader's language, with the tag if it is more specific: French (fr-ca)."""
    known = tag.lower()
    while known and known not in LANG_INFO:  # Django knows about a hundred languages
        known = known.rpartition("-")[0]
    if not known:
        return tag
    name = str(get_language_info(known)["name_translated"])
    return name if tag.lower() == known else f"{name} ({tag})"
