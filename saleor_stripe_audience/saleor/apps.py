from django.apps import AppConfig


class SaleorConfig(AppConfig):
    name = "saleor_stripe_audience.saleor"
    label = "saleor"
