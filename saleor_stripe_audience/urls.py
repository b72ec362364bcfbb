"""Every URL of the app."""

from django.urls import include, path

from saleor_stripe_audience import health
from saleor_stripe_audience.api.downloads import export_view
from saleor_stripe_audience.api.views import graphql_view
from saleor_stripe_audience.audience.consent.deliveries.views import mail_webhook
from saleor_stripe_audience.dashboard import views
from saleor_stripe_audience.gateway.webhooks import connect_webhook, stripe_webhook
from saleor_stripe_audience.saleor.manifest import manifest_view
from saleor_stripe_audience.saleor.register import register_view
from saleor_stripe_audience.saleor.webhooks import receive
from saleor_stripe_audience.storefront.views import storefront_view

urlpatterns = [
    path("api/manifest", manifest_view),
    path("api/register", register_view),
    path("api/webhooks/saleor/<slug:event>", receive),
    path("api/webhooks/stripe/connect", connect_webhook),
    path("api/webhooks/stripe/<uuid:account_id>", stripe_webhook),
    path("api/webhooks/mail/", mail_webhook),
    path("api/webhooks/mail/<str:secret>", mail_webhook),
    path("graphql/", graphql_view),
    path("api/audience/export.csv", export_view),
    path("dashboard", views.page),  # Saleor's Dashboard removes the trailing slash
    path("dashboard/", include("saleor_stripe_audience.dashboard.urls")),
    path("storefront/graphql/", storefront_view),
    path("audience/", include("saleor_stripe_audience.audience.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
