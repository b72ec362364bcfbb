"""The columns of the list of contacts: each staff member's choice, which is remembered."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleor_stripe_audience.audience.people.models import (
    Audience,
    Contact,
    ContactAttribute,
    ContactQuerySet,
    ContactTag,
)
from saleor_stripe_audience.audience.segments.models import Membership
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.audience.shopping.visible import Totals
from saleor_stripe_audience.dashboard.contact_rows import CONTACT_BADGES, language_name, spent_by
from saleor_stripe_audience.dashboard.models import ChosenColumns
from saleor_stripe_audience.saleor.tokens import DashboardUser

LIST = "contacts"
ATTRIBUTE = "attribute:"  # the prefix of the name of a column with a Saleor metadata value
MOST_TEXTS = 3  # tags, or segments, of one contact


@dataclass(frozen=True, slots=True)
class Cell:
    """A contact's value in a column: a time, or texts; a single text may be a badge of this color."""

    texts: Sequence[str | Promise] = ()
    at: datetime | None = None
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be chosen; `prefetch` is what its cells read.

    A cell gets the contact, and what the reader may see of its orders.
    """

    name: str
    title: str | Promise
    cell: Callable[[Contact, Contact | Totals], Cell]
    prefetch: "Sequence[str | Prefetch[str]]" = ()
    is_number: bool = False
    is_usual: bool = False


def columns_of(audience: Audience) -> list[Column]:
    """Return all columns that the audience's contacts can have, in the order in which they are shown."""
    return [*COLUMNS, *(_attribute(key) for key in audience.attribute_keys)]


def read_chosen(user: DashboardUser, offered: Collection[Column]) -> list[Column]:
    """Return the columns that the staff member chose; the default ones, if nothing was chosen yet."""
    names = _kept(user).values_list("names", flat=True).first()
    return [each for each in offered if (each.is_usual if names is None else each.name in names)]


def keep_chosen(user: DashboardUser, offered: Collection[Column], names: Collection[str]) -> list[Column]:
    """Store the staff member's choice, and return it. Chosen columns that only another audience offers are kept."""
    former = _kept(user).values_list("names", flat=True).first() or []
    here = {each.name for each in offered}
    chosen = [each for each in offered if each.name in names]
    elsewhere = [name for name in former if name not in here]
    ChosenColumns.objects.update_or_create(
        installation=user.installation,
        user_id=user.id,
        list_name=LIST,
        defaults={"names": [*(each.name for each in chosen), *elsewhere]},
    )
    return chosen


def forget_chosen(user: DashboardUser) -> None:
    """Show the default columns again."""
    _kept(user).delete()


def _kept(user: DashboardUser) -> QuerySet[ChosenColumns]:
    return ChosenColumns.objects.filter(installation=user.installation, user_id=user.id, list_name=LIST)


def with_columns(found: ContactQuerySet, chosen: Collection[Column]) -> ContactQuerySet:
    """Prefetch what the columns read, with the same number of statements for all rows as for one."""
    read: list[str | Prefetch[str]] = [each for column in chosen for each in column.prefetch]
    keys = [column.name.removeprefix(ATTRIBUTE) for column in chosen if column.name.startswith(ATTRIBUTE)]
    if keys:
        read.append(Prefetch("attributes", ContactAttribute.objects.filter(key__in=keys)))
    return found.prefetch_related(*read) if read else found


def _attribute(key: str) -> Column:
    def cell(contact: Contact, _orders: Contact | Totals) -> Cell:
        return Cell([each.value for each in contact.attributes.all() if each.key == key and each.value])

    return Column(f"{ATTRIBUTE}{key}", key, cell)


def _status(contact: Contact, _orders: Contact | Totals) -> Cell:
    color, text = CONTACT_BADGES.get(contact.status, ("plain", contact.status))
    return Cell([text], badge=color)


def _some(texts: Sequence[str]) -> Cell:
    more = len(texts) - MOST_TEXTS
    if more <= 1:  # one more takes no more space than the note about it
        return Cell(texts)
    return Cell([*texts[:MOST_TEXTS], _("and %(count)s more") % {"count": more}])


def _text(text: str) -> Cell:
    return Cell([text] if text else [])


COLUMNS = (
    Column("status", gettext_lazy("Status"), _status, is_usual=True),
    Column(
        "orders",
        gettext_lazy("Orders"),
        lambda _, orders: Cell([str(orders.orders_count)]),
        is_number=True,
        is_usual=True,
    ),
    Column(
        "spent",
        gettext_lazy("Total spent"),
        lambda _, orders: Cell(spent_by(orders)),
        ["spent"],
        is_number=True,
        is_usual=True,
    ),
    Column(
        "last_order",
        gettext_lazy("Last order"),
        lambda _, orders: Cell(at=orders.last_order_at),
        is_usual=True,
    ),
    Column("first_order", gettext_lazy("First order"), lambda _, orders: Cell(at=orders.first_order_at)),
    Column("added", gettext_lazy("Contact since"), lambda contact, _: Cell(at=contact.created_at)),
    Column(
        "tags",
        gettext_lazy("Tags"),
        lambda contact, _: _some(sorted(each.tag.name for each in contact.contact_tags.all())),
        [Prefetch("contact_tags", ContactTag.objects.select_related("tag"))],
    ),
    Column(
        "segments",
        gettext_lazy("Segments"),
        lambda contact, _: _some(sorted(title_of(each.segment) for each in contact.memberships.all())),
        [Prefetch("memberships", Membership.objects.select_related("segment"))],
    ),
    Column("phone", gettext_lazy("Phone"), lambda contact, _: _text(contact.phone)),
    Column("city", gettext_lazy("City"), lambda contact, _: _text(contact.city)),
    Column("country", gettext_lazy("Country"), lambda contact, _: _text(contact.country)),
    Column("language", gettext_lazy("Language"), lambda contact, _: _text(language_name(contact.language))),
)
