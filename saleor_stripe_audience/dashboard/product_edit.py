"""Adding a product and editing one: written to Saleor, whose events then sync it to Stripe."""

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from saleor_stripe_audience.catalog import edit
from saleor_stripe_audience.catalog.models import CatalogProduct
from saleor_stripe_audience.dashboard import products
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.amounts import as_typed, format_amount, with_point
from saleor_stripe_audience.dashboard.sections import PRODUCTS, Note, refuse, show
from saleor_stripe_audience.deadline import deadline
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.saleor.tokens import DashboardUser

FORM = "product"
SECONDS = 25.0
# Which field an error belongs to.
FIELDS = {
    "title_missing": "title",
    "title_long": "title",
    "description_long": "description",
    "price": "prices",
    "price_too_small": "prices",
    "channel": "prices",
    "image_type": "image",
    "image_size": "image",
    "product_type": "product_type",
    "category": "category",
}


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(PRODUCTS)
def add_product(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Show and handle the form for a product. The same form sent twice adds one product."""
    sent = request.POST
    if request.method != "POST":
        return _show_form(request, user, key=str(uuid4()))
    key = sent.get("key", "")
    if products.uuid_of(key) is None:
        return _show_form(
            request,
            user,
            Note("bad", _("This form is incomplete. Open it again."), FORM),
            422,
            key=str(uuid4()),
        )
    try:
        with deadline(SECONDS):
            draft = edit.Draft(
                title=sent.get("title", ""),
                description=sent.get("description", ""),
                prices=_prices(sent),
                product_type=sent.get("product_type", ""),
                category=sent.get("category", ""),
                sku=sent.get("sku", "").strip(),
                image=_image(request),
            )
            added = edit.add(user.installation, draft, key)
    except Failure as error:
        note = Note("bad", str(error.translatable), FORM)
        return _show_form(request, user, note, 422, key=key, typed=sent, refused=error)
    text = _("“%(title)s” was added to Saleor. It will be in Stripe within a minute.") % {
        "title": draft.title.strip()
    }
    if added.refused_images:
        text = f"{text} {added.refused_images[0].translatable}"
    note = Note("bad" if added.refused_images else "good", text, FORM)
    return _show_form(request, user, note, key=str(uuid4()), added=added.product_id)


@require_http_methods(["GET", "HEAD", "POST"])
@for_staff(PRODUCTS)
def edit_product(request: HttpRequest, user: DashboardUser, product_id: int) -> HttpResponse:
    """Show the product as it is in Saleor now, and handle staff's changes. Repeating one has no further effect."""
    found = products.find(user, product_id)
    if found is None:
        return products.not_found(request, user)
    if products.is_disconnected(found.account):
        text = _("The Stripe account “%(name)s” is disconnected. Edit the product in Saleor.")
        return refuse(request, 422, text % {"name": found.account.name}, user)
    if request.method != "POST":
        return _show_product(request, user, found)
    sent = request.POST
    form = "prices" if sent.get("variant") else FORM
    try:
        with deadline(SECONDS):
            edit.change(
                user.installation, found.saleor_product_id, _changes(request), sent.get("variant", "")
            )
    except Failure as error:
        note = Note("bad", str(error.translatable), _form_of(form, sent))
        return _show_product(request, user, found, note, 422, typed=sent, refused=error)
    note = Note("good", _("Saved in Saleor. It will be in Stripe within a minute."), _form_of(form, sent))
    return _show_product(request, user, found, note)


def _form_of(form: str, sent: QueryDict) -> str:
    return f"prices-{sent['variant']}" if form == "prices" else FORM


def _changes(request: HttpRequest) -> edit.Changes:
    """Return what staff changed: the other fields may have been changed in Saleor since the form was opened."""
    sent = request.POST
    if sent.get("variant"):
        return edit.Changes(prices=_prices(sent))
    return edit.Changes(
        title=sent.get("title", "") if _is_changed(sent, "title") else None,
        description=sent.get("description", "") if _is_changed(sent, "description") else None,
        image=_image(request),
        removed_images=tuple(sent.getlist("remove")),
    )


def _is_changed(sent: QueryDict, name: str) -> bool:
    """Whether the field was sent with another text than the form showed."""
    return name in sent and sent.get(f"seen:{name}") != _fingerprint(sent.get(name, ""))


def _fingerprint(text: str) -> str:
    """Identify what a field showed; a browser sends its line breaks as CRLF."""
    return hashlib.sha256("\n".join(text.strip().splitlines()).encode()).hexdigest()[:16]


def _prices(sent: QueryDict) -> dict[str, Decimal]:
    """Return the prices that were changed, by channel. `Rejected` for anything that is not an amount."""
    found = {}
    for name in sent:
        is_price = name.startswith("price:") and _is_changed(sent, name)
        text = with_point(sent.get(name, "")) if is_price else ""
        if not text:
            continue
        try:
            found[name.removeprefix("price:")] = Decimal(text)
        except InvalidOperation:
            message = _("“%(amount)s” is not a price. Enter one such as 12.30.") % {"amount": text[:30]}
            raise Rejected(message, code="price", values={"channel": name.removeprefix("price:")}) from None
    return found


def _image(request: HttpRequest) -> edit.Image | None:
    upload = request.FILES.get("image")
    if upload is None or isinstance(upload, list) or not upload.size:
        return None
    return edit.read_image(upload.read(edit.LARGEST_IMAGE + 1))


def _wrong(refused: Failure | None) -> dict[str, str]:
    """Return which field is wrong; for prices, which channel's."""
    if refused is None:
        return {"wrong": "", "wrong_price": ""}
    return {
        "wrong": FIELDS.get(refused.code, ""),
        "wrong_price": str(refused.values.get("channel", "")),
    }


def _choices(user: DashboardUser) -> edit.Choices:
    with deadline(SECONDS):
        return edit.choices(user.installation)


def _channels(choices: edit.Choices, typed: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "slug": each.slug,
            "name": each.name,
            "currency": each.currency,
            "smallest": format_amount(each.smallest.minor, each.currency)
            if each.smallest is not None
            else "",
            "value": typed.get(f"price:{each.slug}", ""),
            "seen": typed.get(f"seen:price:{each.slug}", ""),
        }
        for each in choices.channels
    ]


def _show_form(
    request: HttpRequest,
    user: DashboardUser,
    note: Note | None = None,
    status: int = 200,
    *,
    key: str,
    typed: QueryDict | None = None,
    refused: Failure | None = None,
    added: str = "",
) -> HttpResponse:
    try:
        choices = _choices(user)
    except Failure as error:
        return refuse(request, 503, str(error.translatable), user)
    texts = typed.dict() if typed is not None else {}
    return show(
        request,
        user,
        PRODUCTS,
        note=note,
        status=status,
        template="product_add",
        choices=choices,
        channels=_channels(choices, {name: str(value) for name, value in texts.items()}),
        typed=texts,
        **_wrong(refused),
        key=key,
        added=added,
    )


def _show_product(
    request: HttpRequest,
    user: DashboardUser,
    found: CatalogProduct,
    note: Note | None = None,
    status: int = 200,
    *,
    typed: QueryDict | None = None,
    refused: Failure | None = None,
) -> HttpResponse:
    try:
        choices = _choices(user)
        with deadline(SECONDS):
            present = edit.read(user.installation, found.saleor_product_id)
    except Failure as error:
        return refuse(request, 404 if error.code == "product_unknown" else 503, str(error.translatable), user)
    texts = {name: str(value) for name, value in (typed.dict() if typed is not None else {}).items()}
    # After an error, what the form showed before is still what counts.
    seen = {
        name: texts.get(f"seen:{name}") or _fingerprint(text)
        for name, text in (("title", present.title), ("description", present.description))
    }
    currencies = {each.slug: each.currency for each in choices.channels}
    variants = [
        (
            each,
            _channels(
                choices,
                texts if texts.get("variant") == each.id else _shown_prices(each, currencies),
            ),
        )
        for each in present.variants
    ]
    return show(
        request,
        user,
        PRODUCTS,
        note=note,
        status=status,
        template="product_edit",
        product=found,
        present=present,
        variants=variants,
        title=texts.get("title", present.title),
        description=texts.get("description", present.description),
        seen=seen,
        **_wrong(refused),
        back=reverse("dashboard:product", args=[found.pk]),
    )


def _shown_prices(variant: edit.EditableVariant, currencies: dict[str, str]) -> dict[str, str]:
    """Return the fields of the variant's prices, and what identifies their texts."""
    shown = {
        slug: as_typed(variant.prices[slug], currency) if slug in variant.prices else ""
        for slug, currency in currencies.items()
    }
    return {
        **{f"price:{slug}": text for slug, text in shown.items()},
        **{f"seen:price:{slug}": _fingerprint(text) for slug, text in shown.items()},
    }
