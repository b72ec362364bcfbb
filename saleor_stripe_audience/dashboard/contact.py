"""One contact: who it is, why it has its status, what it may receive, what it agreed to, and what staff can do."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact, ContactTag
from saleor_stripe_audience.audience.people.status import ConsentState, LawfulBasis, Purpose, may_receive
from saleor_stripe_audience.audience.privacy import subject
from saleor_stripe_audience.audience.segments.models import Membership
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.audience.shopping.models import Purchase
from saleor_stripe_audience.audience.shopping.visible import figures_of
from saleor_stripe_audience.audience.timeline import Entry, Kind, timeline
from saleor_stripe_audience.audience.transfer.ads import may_be_shown_ads
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.activity import JOB_ACTORS
from saleor_stripe_audience.dashboard.amounts import format_amount
from saleor_stripe_audience.dashboard.consent_words import SOURCES, choice_of, place_of
from saleor_stripe_audience.dashboard.contact_carts import carts_of
from saleor_stripe_audience.dashboard.contact_orders import orders_of, refunded_of
from saleor_stripe_audience.dashboard.contact_rows import language_name, row_of, spent_by
from saleor_stripe_audience.dashboard.contacts import actor_of
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.saleor.staff_channels import NEEDS_ALL_CHANNELS, channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser

SALEOR_USER = "VXNlcjo"  # the prefix of Saleor's user ids: "User:" in Base64
MOST = 20  # orders, carts, and consents, of one page

REASONS: dict[str, str | Promise] = {
    Contact.Status.SUBSCRIBED: gettext_lazy("The person agreed to marketing."),
    Contact.Status.PENDING: gettext_lazy("The person agreed, but has not confirmed it by email yet."),
    Contact.Status.NONSUBSCRIBED: gettext_lazy(
        "The person never agreed to marketing: buying something does not subscribe anyone."
    ),
    Contact.Status.ARCHIVED: gettext_lazy("Staff archived this contact."),
    Contact.Status.CLEANED: gettext_lazy("Emails to this address bounce."),
}
COMPLAINED = gettext_lazy("The person reported an email as spam.")
WITHDRAWN = gettext_lazy("The person unsubscribed.")
PURPOSES: dict[str, str | Promise] = {
    Purpose.TRANSACTIONAL: gettext_lazy("Emails about orders"),
    Purpose.MARKETING: gettext_lazy("Marketing emails"),
    Purpose.ADS: gettext_lazy("Ads lists"),
}
HAPPENED: dict[str, str | Promise] = {
    Kind.CREATED: gettext_lazy("Became a contact"),
    Kind.ADDRESS_CHANGED: gettext_lazy("Changed address"),
    Kind.ORDER: gettext_lazy("Ordered"),
    Kind.CART_STARTED: gettext_lazy("Started a cart"),
    Kind.CART_ABANDONED: gettext_lazy("Abandoned a cart"),
    Kind.CART_CLOSED: gettext_lazy("Completed the cart"),
    Kind.PAYMENT_DECLINED: gettext_lazy("Payment declined"),
    Kind.PAYMENT_DISPUTED: gettext_lazy("Payment disputed"),
    Kind.DISPUTE_DECIDED: gettext_lazy("Dispute decided"),
    Kind.CONSENT: gettext_lazy("Marketing choice"),
    Kind.TAG: gettext_lazy("Tagged"),
    Kind.SEGMENT: gettext_lazy("Entered a segment"),
}


@dataclass(frozen=True, slots=True)
class Recorder:
    """Who recorded a consent, if it was not the person: `staff` is a staff member's id in Saleor."""

    name: str
    is_you: bool
    staff: str


@require_safe
@for_staff(CONTACTS)
def contact(request: HttpRequest, user: DashboardUser, contact_id: UUID) -> HttpResponse:
    found = find(user, contact_id)
    return not_found(request, user) if found is None else show_contact(request, user, found)


@require_POST
@for_staff(CONTACTS)
def change_contact(request: HttpRequest, user: DashboardUser, contact_id: UUID) -> HttpResponse:
    """Archive or restore the contact, or add or remove a tag. Repeating it has no further effect."""
    found = find(user, contact_id)
    if found is None:
        return not_found(request, user)
    try:
        note = _change(request, user, found)
    except Rejected as error:
        form = "tags" if "tag" in request.POST or "untag" in request.POST else ""
        return show_contact(request, user, found, Note("bad", str(error.translatable), form), 422)
    changed = find(user, contact_id)
    return not_found(request, user) if changed is None else show_contact(request, user, changed, note)


def _change(request: HttpRequest, user: DashboardUser, found: Contact) -> Note:
    actor, sent = actor_of(user), request.POST
    if sent.get("tag"):
        tag = staff_actions.create_tag(actor, found.audience_id, sent["tag"])
        staff_actions.add_tag(actor, tag.pk, [found.pk])
        return Note("good", _("Tagged “%(name)s”.") % {"name": tag.name}, "tags")
    if sent.get("untag"):
        tag_row = next((each for each in found.contact_tags.all() if str(each.tag_id) == sent["untag"]), None)
        if tag_row is not None:
            staff_actions.remove_tag(actor, tag_row.tag_id, [found.pk])
        return Note("good", _("The tag was removed."), "tags")
    if sent.get("archived") == "yes":
        staff_actions.archive(actor, found.pk)
        return Note("good", _("Archived. The contact receives no marketing."))
    staff_actions.restore(actor, found.pk)
    return Note("good", _("Restored. The status depends on the person's choice again."))


@require_POST
@for_staff(CONTACTS)
def erase_contact(request: HttpRequest, user: DashboardUser, contact_id: UUID) -> HttpResponse:
    """Erase the person from all audiences of the shop. Repeating it has no further effect."""
    found = find(user, contact_id)
    if found is None:
        return not_found(request, user)
    try:
        staff_actions.erase(actor_of(user), found.email)
    except Rejected as error:
        return show_contact(request, user, found, Note("bad", str(error.translatable)), 422)
    note = Note("good", _("The person was erased. New events about them are not stored."))
    return show(request, user, CONTACTS, note=note, template="contact_erased")


@require_safe
@for_staff(CONTACTS)
def export_contact(request: HttpRequest, user: DashboardUser, contact_id: UUID) -> HttpResponse:
    """Return everything that is known about the person, for their right of access."""
    found = find(user, contact_id)
    if found is None:
        return not_found(request, user)
    if channels_of(user) is not None:  # parts of it would be no answer to the person
        return refuse(request, 403, str(NEEDS_ALL_CHANNELS), user)
    data = subject.export(user.installation, found.email)
    response = HttpResponse(json.dumps(data, indent=2, ensure_ascii=False), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="contact.json"'
    return response


def find(user: DashboardUser, contact_id: UUID) -> Contact | None:
    """Return the shop's contact of that id.

    Saleor is asked first for the channels whose orders are shown with it: after a change it is too late to refuse.
    """
    channels_of(user)
    own = Contact.objects.filter(audience__installation=user.installation)
    return own.select_related("audience").prefetch_related("spent").filter(pk=contact_id).first()


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This contact was not found. It may have been erased or merged."), user)


def show_contact(
    request: HttpRequest,
    user: DashboardUser,
    found: Contact,
    note: Note | None = None,
    status: int = 200,
    *,
    is_elsewhere: bool = False,
) -> HttpResponse:
    """Show the contact; `is_elsewhere`, if the request had another address than its."""
    now, slugs = timezone.now(), channels_of(user)
    try:
        events = timeline(found, now, after=request.GET.get("after", ""), slugs=slugs)
    except Rejected:  # a truncated URL: the start of the timeline
        events = timeline(found, now, slugs=slugs)
    orders = orders_of(found, slugs, MOST)
    consents = found.consents.select_related("wording").order_by("-at", "-pk")[:MOST]
    memberships = found.memberships.select_related("segment").order_by("segment__name")
    return show(
        request,
        user,
        CONTACTS,
        note=note,
        status=status,
        template="contact",
        row=row_of(found),
        contact=found,
        is_elsewhere=is_elsewhere,
        is_restricted=slugs is not None,
        spent=spent_by(figures_of(found, slugs)),
        reason=reason_of(found),
        language_name=language_name(found.language),
        receives=[(title, _may_receive(found, name)) for name, title in PURPOSES.items()],
        is_soft=found.lawful_basis == LawfulBasis.SOFT_OPT_IN,
        consents=[
            (each, choice_of(each), _source_of(each), place_of(each), _recorder(user, each))
            for each in consents
        ],
        orders=orders,
        has_uncounted=any(not each.purchase.is_paid for each in orders),
        carts=carts_of(found, slugs, now, MOST),
        tags=found.contact_tags.select_related("tag").order_by("tag__name"),
        memberships=[(each, title_of(each.segment)) for each in memberships],
        events=[
            (each.at, title, amount)
            for each, title, amount in zip(
                events.entries, _titles_of(events.entries), _amounts_of(events.entries), strict=True
            )
        ],
        older=events.entries[-1].cursor if events.has_more else "",
    )


def _titles_of(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what happened, in words; segments and tags by name."""
    rows = {kind: [each.row for each in entries if each.kind == kind] for kind in (Kind.SEGMENT, Kind.TAG)}
    memberships = Membership.objects.filter(pk__in=rows[Kind.SEGMENT]).select_related("segment")
    segments = {each.pk: title_of(each.segment) for each in memberships}
    tagged = ContactTag.objects.filter(pk__in=rows[Kind.TAG]).select_related("tag")
    tags = {each.pk: each.tag.name for each in tagged}
    for each in entries:
        if each.kind == Kind.SEGMENT and each.row in segments:
            yield _("Entered the segment “%(name)s”") % {"name": segments[each.row]}
        elif each.kind == Kind.TAG and each.row in tags:
            yield _("Tagged “%(name)s”") % {"name": tags[each.row]}
        else:
            yield str(HAPPENED[each.kind])


def _amounts_of(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the entries' amounts, that of an order with what was refunded of it: Saleor says how much, not when."""
    orders = [each.row for each in entries if each.kind == Kind.ORDER]
    refunded = Purchase.objects.filter(pk__in=orders, refunded_minor__gt=0)
    refunds = {each.pk: refunded_of(each) for each in refunded}
    for each in entries:
        refund = refunds.get(each.row, "") if each.kind == Kind.ORDER else ""
        yield f"{_amount(each.amount)} ({refund})" if refund else _amount(each.amount)


def _source_of(consent: Consent) -> str | Promise:
    """Return where the choice was made; empty if the line about its recorder says it."""
    is_recorded = consent.source == Consent.Source.STAFF and consent.actor
    return "" if is_recorded else SOURCES[consent.source]


def _recorder(user: DashboardUser, consent: Consent) -> Recorder | None:
    actor = consent.actor
    if not actor or consent.source not in (Consent.Source.STAFF, Consent.Source.IMPORT):
        return None
    name = str(JOB_ACTORS.get(actor, actor))
    return Recorder(name, actor == user.id, actor if actor.startswith(SALEOR_USER) else "")


def _may_receive(found: Contact, purpose: str) -> bool:
    """Return what the contact may receive. Advertising lists may include buyers who are not subscribed, depending on
    the audience.
    """
    if purpose == Purpose.ADS:
        return may_be_shown_ads(Contact.objects.filter(pk=found.pk)).exists()
    return may_receive(found.status, purpose)


def _amount(money: Money | None) -> str:
    return "" if money is None else format_amount(money.minor, money.currency)


def reason_of(found: Contact) -> str | Promise:
    """Say why the contact has its status."""
    if found.status != Contact.Status.UNSUBSCRIBED:
        return REASONS[found.status]
    return WITHDRAWN if found.consent == ConsentState.WITHDRAWN else COMPLAINED
