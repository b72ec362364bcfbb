from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "saleor_stripe_audience.jobs"
    default_auto_field = "django.db.models.BigAutoField"
