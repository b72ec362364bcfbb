"""Keys for programs and for the shop's own pages, and what is stored for how long."""

from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.api_keys.keys import CreatedKey, create_key, expiry_after
from saleor_stripe_audience.api_keys.keys import revoke as revoke_key
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.api_keys.scopes import EVERYTHING, of_permissions
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.sections import KEYS, Note, refuse, show
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import Wording

API_FORM, STOREFRONT_FORM = "create-key", "create-storefront-key"

SCOPES: dict[str, Wording] = {
    "payments:read": gettext_lazy("Payments: read"),
    "payments:write": gettext_lazy("Payments: read and change"),
    "audience:read": gettext_lazy("Audience: read"),
    "audience:write": gettext_lazy("Audience: read and change"),
    "catalogue:read": gettext_lazy("Catalogue: read"),
    "catalogue:write": gettext_lazy("Catalogue: read and change"),
    "settings:read": gettext_lazy("Settings: read"),
    "settings:write": gettext_lazy("Settings: read and change"),
}
# Which field an error belongs to; all others are about the key's scopes.
WRONG = {"name": "name", "key_exists": "name", "expires_in_days": "days"}


@require_safe
@for_staff(KEYS)
def keys(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return _show(request, user)


@require_POST
@for_staff(KEYS)
def create(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Create an API key and show its secret, this once. It may not do more than the staff member may.

    The same form sent twice creates one key; the secret shown last is valid.
    """
    form = request.POST
    allowed = of_permissions(user.permissions)
    scopes = set(form.getlist("scope"))
    try:
        _check_key(form, scopes, allowed)
        created = create_key(
            user.installation, form["name"], expiry_after(_days(form)), scopes, _form_of(form)
        )
    except Rejected as error:
        note = Note("bad", str(error.translatable), API_FORM)
        return _show(request, user, note, 422, typed=form, wrong=WRONG.get(error.code, "scope"))
    note = Note("good", _("“%(name)s” was created. Copy the key now.") % {"name": created.key.name}, API_FORM)
    return _show(request, user, note, created=created)


@require_POST
@for_staff(KEYS)
def revoke(request: HttpRequest, user: DashboardUser, key_id: int) -> HttpResponse:
    """Revoke an API key immediately. Repeating it has no further effect."""
    key = ApiKey.objects.filter(installation=user.installation, pk=key_id).first()
    if key is None:
        return refuse(request, 404, _("This key was not found."), user)
    revoke_key(key)
    return _show(request, user, Note("good", _("“%(name)s” is revoked.") % {"name": key.name}, "api-keys"))


@require_POST
@for_staff(KEYS)
def create_storefront(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Create a public key for the pages at these origins. The same form sent twice creates one key."""
    form = request.POST
    origins = form.get("origins", "").replace(",", " ").split()
    try:
        key = storefront.create_key(
            user.installation, origins, form.get("name", "").strip().replace("\0", ""), _form_of(form)
        )
    except Rejected as error:
        note = Note("bad", str(error.translatable), STOREFRONT_FORM)
        return _show(request, user, note, 422, typed=form)
    note = Note(
        "good", _("The key for %(origins)s was created.") % {"origins": ", ".join(key.origins)}, "storefront"
    )
    return _show(request, user, note)


@require_POST
@for_staff(KEYS)
def revoke_storefront(request: HttpRequest, user: DashboardUser, key_id: int) -> HttpResponse:
    """Revoke a storefront key immediately. Repeating it has no further effect."""
    key = StorefrontKey.objects.filter(installation=user.installation, pk=key_id).first()
    if key is None:
        return refuse(request, 404, _("This key was not found."), user)
    storefront.revoke_key(key)
    note = Note(
        "good", _("The key is revoked: pages that use it can no longer subscribe people."), "storefront"
    )
    return _show(request, user, note)


def _check_key(form: QueryDict, scopes: set[str], allowed: frozenset[str]) -> None:
    if not scopes <= allowed:
        raise Rejected(
            _("A key cannot have more permissions than you have. Choose fewer permissions."), code="scope"
        )
    if not scopes:
        raise Rejected(_("Choose at least one permission for the key."), code="no_scope")
    if not form.get("name", "").strip():
        raise Rejected(_("Give the key a name: what it is for."), code="name")


def _form_of(form: QueryDict) -> UUID:
    """Return the id of the form; a form without one gets a new id."""
    try:
        return UUID(form.get("form_key", ""))
    except ValueError:
        return uuid4()


def _days(form: QueryDict) -> int | None:
    text = form.get("days", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 4:  # noqa: PLR2004 - up to 9999 days
        raise Rejected(_("Give the number of days as digits, or leave it empty."), code="expires_in_days")
    return int(text)


def _show(
    request: HttpRequest,
    user: DashboardUser,
    note: Note | None = None,
    status: int = 200,
    *,
    typed: QueryDict | None = None,
    created: CreatedKey | None = None,
    wrong: str = "",
) -> HttpResponse:
    allowed = of_permissions(user.permissions)
    api_keys = ApiKey.objects.filter(installation=user.installation)
    return show(
        request,
        user,
        KEYS,
        note=note,
        status=status,
        api_keys=[
            (each, [SCOPES.get(scope, scope) for scope in each.scopes])
            for each in api_keys.order_by("revoked_at", "-created_at", "-pk")
        ],
        storefront_keys=StorefrontKey.objects.filter(installation=user.installation).order_by(
            "-created_at", "-pk"
        ),
        scopes=[(each, SCOPES[each]) for each in sorted(EVERYTHING & allowed)],
        secret=created.secret if created is not None else "",
        typed=typed or {},
        wrong=wrong,
        form_key=_form_of(typed or QueryDict()),
        typed_scopes=typed.getlist("scope") if typed else [],
        event_days=settings.EVENT_RETENTION_DAYS,
        cart_days=settings.CART_RETENTION_DAYS,
    )
