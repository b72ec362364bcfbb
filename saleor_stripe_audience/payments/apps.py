from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "saleor_stripe_audience.payments"
    label = "payments"

    def ready(self) -> None:
        from saleor_stripe_audience.payments import (  # noqa: F401 - importing registers them
            ownership,
            reasons,
            removal,
            upkeep,
        )
