"""The contacts that were searched for as a file, and lists of their hashed addresses for advertisers."""

from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from saleor_stripe_audience.audience.transfer.ads import NETWORKS, export_ads
from saleor_stripe_audience.audience.transfer.exporting import export_csv, write_to_disk
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.contacts import audiences_of, chosen, requested_audience
from saleor_stripe_audience.dashboard.sections import CONTACTS, refuse, show
from saleor_stripe_audience.saleor.staff_channels import channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser


@require_safe
@for_staff(CONTACTS)
def export_contacts(request: HttpRequest, user: DashboardUser) -> HttpResponseBase:
    """The contacts that the query asks for as CSV; with `ads`, the list of one network."""
    params = request.GET
    audience = requested_audience(audiences_of(user), params)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    found, network = chosen(audience, params), params.get("ads", "")
    if network and network not in NETWORKS:
        return refuse(request, 404, _("There is no list for this network."), user)
    name = f"{network}.csv" if network else "contacts.csv"
    if network:
        file = write_to_disk(export_ads(found, network))
    else:
        has_orders = channels_of(user) is None
        file = write_to_disk(export_csv(found, has_orders=has_orders), is_for_spreadsheets=True)
    return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv")


@require_safe
@for_staff(CONTACTS)
def choose_export(request: HttpRequest, user: DashboardUser) -> HttpResponseBase:
    """Show the export options for the contacts that were searched for."""
    params = request.GET
    audience = requested_audience(audiences_of(user), params)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    return show(
        request,
        user,
        CONTACTS,
        template="contacts_export",
        audience=audience,
        query=params.urlencode(),
        networks=[("meta", "Meta"), ("google", "Google")],
    )
