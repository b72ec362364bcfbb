from django.apps import AppConfig


class ApiKeysConfig(AppConfig):
    name = "saleor_stripe_audience.api_keys"
    default_auto_field = "django.db.models.BigAutoField"
