from django.apps import AppConfig


class ShopsConfig(AppConfig):
    name = "saleor_stripe_audience.shops"
    label = "shops"
