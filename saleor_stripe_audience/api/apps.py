from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "saleor_stripe_audience.api"
    default_auto_field = "django.db.models.BigAutoField"
