from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "saleor_stripe_audience.catalog"
    label = "catalog"

    def ready(self) -> None:
        # Importing it registers the work of its jobs.
        from saleor_stripe_audience.catalog import refresh, sync  # noqa: F401
