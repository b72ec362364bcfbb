from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "saleor_stripe_audience.gateway"
    label = "gateway"
