from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "saleor_stripe_audience.dashboard"
    label = "dashboard"
