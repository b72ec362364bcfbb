"""The pages behind the links in emails."""

from django.urls import path

from saleor_stripe_audience.audience.signup import pages

app_name = "audience"

urlpatterns = [
    path("confirm/<str:token>", pages.confirm, name="confirm"),
    path("preferences/<str:token>", pages.preferences, name="preferences"),
    path("unsubscribe/<str:token>", pages.unsubscribe, name="unsubscribe"),
]
