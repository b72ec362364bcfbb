from django.apps import AppConfig


class SaleorConfig(AppConfig):
    name = "saleor_stripe_audience.saleor"
    label = "saleor"

    def ready(self) -> None:
        from saleor_stripe_audience.saleor import handlers  # noqa: F401 - importing registers them
