"""A choice about marketing that a contact expressed to staff, recorded with its proof."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.dashboard import contact as one_contact
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.consent_proof import PROOF_FIELDS, read_proof
from saleor_stripe_audience.dashboard.contact_rows import row_of
from saleor_stripe_audience.dashboard.contacts import actor_of
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser

FORM = "record-consent"
KINDS = {"given": Consent.Kind.GIVEN, "withdrawn": Consent.Kind.WITHDRAWN}


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(CONTACTS)
def record_consent(request: HttpRequest, user: DashboardUser, contact_id: UUID) -> HttpResponse:
    """Show and handle the form for a choice. The same choice sent twice is recorded once."""
    found = one_contact.find(user, contact_id)
    if found is None:
        return one_contact.not_found(request, user)
    sent = request.POST
    if request.method != "POST":
        return _show(request, user, found)
    try:
        kind = _kind(sent)
        staff_actions.record_consent(actor_of(user), found.pk, read_proof(sent, kind))
    except Rejected as error:
        note = Note("bad", str(error.translatable), FORM)
        wrong = {"consent_kind": "kind", **PROOF_FIELDS}.get(error.code, "")
        return _show(request, user, found, note, 422, typed=sent, wrong=wrong)
    changed = one_contact.find(user, contact_id)
    if changed is None:
        return one_contact.not_found(request, user)
    note = Note("good", _recorded(changed, kind))
    return one_contact.show_contact(request, user, changed, note, is_elsewhere=True)


def _kind(sent: QueryDict) -> Consent.Kind:
    kind = KINDS.get(sent.get("kind", ""))
    if kind is None:
        raise Rejected(_("Choose whether the person agreed or refused."), code="consent_kind")
    return kind


def _recorded(contact: Contact, kind: Consent.Kind) -> str:
    """Describe what the choice changed: consent does not end a withdrawal, and an earlier choice does not override a
    later one.
    """
    is_given = kind == Consent.Kind.GIVEN
    status = contact.status
    if status == Contact.Status.SUBSCRIBED:
        if is_given:
            return _("Recorded. The contact is subscribed.")
        return _("Recorded. The person agreed later, so the contact remains subscribed.")
    if status == Contact.Status.UNSUBSCRIBED:
        if is_given:
            return _("Recorded as proof. The person unsubscribed, so only the person can subscribe again.")
        return _("Recorded. The person is unsubscribed from all audiences.")
    if status == Contact.Status.PENDING:
        return _("Recorded. The contact will be subscribed once the person confirms it by email.")
    return _("Recorded. The status remains “%(status)s”.") % {"status": row_of(contact).status}


def _show(
    request: HttpRequest,
    user: DashboardUser,
    found: Contact,
    note: Note | None = None,
    status: int = 200,
    *,
    typed: QueryDict | None = None,
    wrong: str = "",
) -> HttpResponse:
    return show(
        request,
        user,
        CONTACTS,
        note=note,
        status=status,
        template="contact_consent",
        contact=found,
        audience=found.audience,
        has_refused=found.status == Contact.Status.UNSUBSCRIBED,
        typed=typed or {"wording": found.audience.consent_text},
        wrong=wrong,
    )
