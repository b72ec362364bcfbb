"""A contact that staff add: not subscribed, or subscribed with the proof of how the person agreed."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.people.models import Audience, Contact
from saleor_stripe_audience.audience.staff_actions import ConsentInput, Profile
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.contacts import actor_of, audience_asked_for, audiences_of
from saleor_stripe_audience.dashboard.moments import read_moment
from saleor_stripe_audience.dashboard.sections import CONTACTS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording

FORM = "add-contact"
LONGEST_PLACE = 128  # characters, as the ledger has it
PROOF = ("where", "wording", "given_at")  # the fields about the consent
# Which field a refusal belongs to.
FIELDS = {
    "email_invalid": "email",
    "contact_exists": "email",
    "erased": "email",
    "country": "country",
    "consent_where": "where",
    "consent_without_wording": "wording",
    "consent_wording_too_long": "wording",
    "consent_at": "given_at",
}


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(CONTACTS)
def add_contact(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """The form for a contact, and what becomes of it. The same form sent twice is one contact."""
    audience = audience_asked_for(audiences_of(user), request.POST or request.GET)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    sent = request.POST
    if request.method != "POST":
        return _show(request, user, audience)
    typed = {name: sent.get(name, "") for name in ("first_name", "last_name", "phone", "country")}
    try:
        made = staff_actions.create_contact(
            actor_of(user), audience.pk, sent.get("email", ""), Profile(**typed), _consent(sent)
        )
    except Rejected as error:
        # The reason speaks of addresses that Saleor sent.
        reason = (
            pgettext("staff", "This is not an e-mail address.")
            if error.code == "email_invalid"
            else str(error.translatable)
        )
        note = Note("bad", reason, FORM)
        wrong = FIELDS.get(error.code, "")
        return _show(request, user, audience, note, 422, typed=sent, wrong=wrong)
    note = Note("good", str(_added(made)) % {"email": made.email}, FORM)
    return _show(request, user, audience, note, made=made)


def _consent(sent: QueryDict) -> ConsentInput | None:
    """Return what the person agreed to; None if staff add the contact without a subscription."""
    if sent.get("marketing", "") != "subscribed":
        return None
    where = sent.get("where", "").strip()
    if not where or len(where) > LONGEST_PLACE or "\0" in where:
        message = _("Say in at most %(most)s characters how and where the person agreed.")
        raise Rejected(message % {"most": LONGEST_PLACE}, code="consent_where")
    wording = sent.get("wording", "").strip()
    if not wording or "\0" in wording:
        raise Rejected(_("Enter the words that the person agreed to."), code="consent_without_wording")
    at = read_moment(sent, "given_at")
    if at is None or at > timezone.now():
        raise Rejected(_("Say when the person agreed: a date and a time in the past."), code="consent_at")
    return ConsentInput(Consent.Kind.GIVEN, at, wording=wording, where=where)


def _added(made: Contact) -> Wording:
    if made.status == Contact.Status.SUBSCRIBED:
        return _("“%(email)s” was added and is subscribed.")
    if made.status == Contact.Status.PENDING:
        return _("“%(email)s” was added, and is subscribed once the person confirms it from the mailbox.")
    if made.status == Contact.Status.UNSUBSCRIBED:
        return _("“%(email)s” was added, but unsubscribed before: only the person can subscribe again.")
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
        is_proof=wrong in PROOF,
        made=made,
    )
