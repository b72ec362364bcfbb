from django.apps import AppConfig


class AudienceConfig(AppConfig):
    name = "saleor_stripe_audience.audience"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from saleor_stripe_audience.audience import handlers  # noqa: F401 - importing registers them
        from saleor_stripe_audience.audience.contacts import tags  # noqa: F401 - importing registers them
