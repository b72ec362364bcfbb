from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "saleor_stripe_audience.catalog"
    label = "catalog"
