"""Every URL of the app."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import include, path
from django.utils.module_loading import import_string

from saleor_stripe_audience import health
from saleor_stripe_audience.audience.consent.deliveries.views import mail_webhook
from saleor_stripe_audience.dashboard import views
from saleor_stripe_audience.gateway.webhooks import connect_webhook, stripe_webhook
from saleor_stripe_audience.saleor.manifest import manifest_view
from saleor_stripe_audience.saleor.register import register_view
from saleor_stripe_audience.saleor.webhooks import receive


def imported_on_request(view: str) -> Callable[..., HttpResponseBase]:
    """Import the view at the first request for it: GraphQL takes half of the startup time, and many shops do not use
    it.
    """
    load: Callable[[], Callable[..., HttpResponseBase]] = cache(lambda: import_string(view))

    def answer(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        return load()(request, **parts)

    return answer


urlpatterns = [
    path("api/manifest", manifest_view),
    path("api/register", register_view),
    path("api/webhooks/saleor/<slug:event>", receive),
    path("api/webhooks/stripe/connect", connect_webhook),
    path("api/webhooks/stripe/<uuid:account_id>", stripe_webhook),
    path("api/webhooks/mail/", mail_webhook),
    path("api/webhooks/mail/<str:secret>", mail_webhook),
    path("graphql/", imported_on_request("saleor_stripe_audience.api.views.graphql_view")),
    path("api/audience/export.csv", imported_on_request("saleor_stripe_audience.api.downloads.export_view")),
    path("dashboard", views.page),  # Saleor's Dashboard removes the trailing slash
    path("dashboard/", include("saleor_stripe_audience.dashboard.urls")),
    path(
        "storefront/graphql/", imported_on_request("saleor_stripe_audience.storefront.views.storefront_view")
    ),
    path("audience/", include("saleor_stripe_audience.audience.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
