from saleor_stripe_audience import without_gis  # noqa: F401 - before any other import of strawberry-django
