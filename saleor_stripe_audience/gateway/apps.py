from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "saleor_stripe_audience.gateway"
    label = "gateway"

    def ready(self) -> None:
        from saleor_stripe_audience.gateway import handlers  # noqa: F401 - importing registers them
