"""A contact that staff add: not subscribed, or subscribed with the proof of how the person agreed."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.staff_actions import Profile
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.consent_proof import PROOF_FIELDS, read_proof
from saleor_stripe_audience.dashboard.contacts import actor_of, audiences_of, requested_audience
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording

FORM = "add-contact"
# Which field an error belongs to.
FIELDS = {
    "email_invalid": "email",
    "contact_exists": "email",
    "erased": "email",
    "country": "country",
    **PROOF_FIELDS,
}


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(CONTACTS)
def add_contact(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Show and handle the form for a contact. The same form sent twice creates one contact."""
    audience = requested_audience(audiences_of(user), request.POST or request.GET)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    sent = request.POST
    if request.method != "POST":
        return _show(request, user, audience)
    typed = {name: sent.get(name, "") for name in ("first_name", "last_name", "phone", "country")}
    is_subscribed = sent.get("marketing", "") == "subscribed"
    try:
        consent = read_proof(sent, Consent.Kind.GIVEN) if is_subscribed else None
        made = staff_actions.create_contact(
            actor_of(user), audience.pk, sent.get("email", ""), Profile(**typed), consent
        )
    except Rejected as error:
        # The reason refers to addresses that Saleor sent.
        reason = (
            pgettext("staff", "This is not an email address.")
            if error.code == "email_invalid"
            else str(error.translatable)
        )
        note = Note("bad", reason, FORM)
        wrong = FIELDS.get(error.code, "")
        return _show(request, user, audience, note, 422, typed=sent, wrong=wrong)
    note = Note("good", str(_added(made)) % {"email": made.email}, FORM)
    return _show(request, user, audience, note, made=made)


def _added(made: Contact) -> Wording:
    if made.status == Contact.Status.SUBSCRIBED:
        return _("“%(email)s” was added and is subscribed.")
    if made.status == Contact.Status.PENDING:
        return _("“%(email)s” was added, and will be subscribed once the person confirms it by email.")
    if made.status == Contact.Status.UNSUBSCRIBED:
        return _("“%(email)s” was added, but had unsubscribed before: only the person can subscribe again.")
    return _("“%(email)s” was added, not subscribed.")


def _show(
    request: HttpRequest,
    user: DashboardUser,
    audience: Audience,
    note: Note | None = None,
    status: int = 200,
    *,
    typed: QueryDict | None = None,
    wrong: str = "",
    made: Contact | None = None,
) -> HttpResponse:
    return show(
        request,
        user,
        CONTACTS,
        note=note,
        status=status,
        template="contact_add",
        audience=audience,
        typed=typed or {"wording": audience.consent_text},
        wrong=wrong,
        is_proof=wrong in PROOF_FIELDS.values(),
        made=made,
    )
