"""The page's addresses. Every one but the first wants the Dashboard's token."""

from django.urls import path

from saleor_stripe_audience.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.page, name="page"),
    path("overview", views.overview, name="overview"),
]
