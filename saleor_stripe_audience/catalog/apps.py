from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "saleor_stripe_audience.catalog"
    label = "catalog"

    def ready(self) -> None:
        from saleor_stripe_audience.catalog import handlers  # noqa: F401 - importing registers them
