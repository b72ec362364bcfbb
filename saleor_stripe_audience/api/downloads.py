"""Contacts as a file, for the same callers as the API."""

from collections.abc import Iterator

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from saleor_stripe_audience.api.context import Caller
from saleor_stripe_audience.api.errors import ErrorCode
from saleor_stripe_audience.api.views import caller_or_refusal, refused, refused_input
from saleor_stripe_audience.api_keys.scopes import opens
from saleor_stripe_audience.audience.people.audiences import audience_named
from saleor_stripe_audience.audience.transfer.ads import export_ads
from saleor_stripe_audience.audience.transfer.exporting import chosen, export_csv, write_to_disk
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.staff_channels import ChannelsUnavailable, channels_of
from saleor_stripe_audience.saleor.tokens import SessionExpired
from saleor_stripe_audience.shops.models import Installation

SCOPE = "audience:read"


def export_view(request: HttpRequest) -> HttpResponseBase:
    """GET ?audience=&segment=&status=&ads=: CSV of the contacts, or a hashed list for advertisers.

    For staff that Saleor restricts to channels, without what the contacts ordered.

    400 for anything that does not exist, 401 without a key, 403 without the scope, 405, 429 and 503 as the API.
    """
    if request.method != "GET":
        return refused(405, "Ask for the file with GET.", ErrorCode.METHOD_NOT_ALLOWED, Allow="GET")
    caller = caller_or_refusal(request)
    if isinstance(caller, HttpResponse):
        return caller
    if not opens(caller.scopes, SCOPE):
        return refused(403, f"This needs the scope {SCOPE}.", ErrorCode.PERMISSION_DENIED)
    try:
        written = write_to_disk(_blocks(request, caller))
    except (ChannelsUnavailable, Rejected) as failure:
        return _refusal_of(failure)
    response = FileResponse(written, as_attachment=True, filename="contacts.csv", content_type="text/csv")
    response["Cache-Control"] = "no-store"
    return response


def _refusal_of(failure: ChannelsUnavailable | Rejected) -> HttpResponse:
    if isinstance(failure, ChannelsUnavailable):
        return refused(503, failure.message, ErrorCode.UNAVAILABLE, **{"Retry-After": "10"})
    if isinstance(failure, SessionExpired):
        return refused(401, failure.message, ErrorCode.UNAUTHENTICATED, **{"WWW-Authenticate": "Bearer"})
    return refused_input(failure)


def _blocks(request: HttpRequest, caller: Caller) -> Iterator[str]:
    query = request.GET
    shop = Installation.objects.get(pk=caller.installation_id)
    audience = audience_named(shop, query.get("audience", ""))
    contacts = chosen(audience, query.get("segment", ""), query.getlist("status"))
    network = query.get("ads", "")
    if network:
        return export_ads(contacts, network)
    is_restricted = caller.staff is not None and channels_of(caller.staff) is not None
    return export_csv(contacts, has_orders=not is_restricted)
