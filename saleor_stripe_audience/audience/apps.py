from django.apps import AppConfig


class AudienceConfig(AppConfig):
    name = "saleor_stripe_audience.audience"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Importing these registers callbacks for merged and changed contacts, for renamed channels and for shops that
        # accept the app again, and the functions of long-running jobs.
        from saleor_stripe_audience.audience.contacts import tags  # noqa: F401
        from saleor_stripe_audience.audience.segments import membership, store  # noqa: F401
        from saleor_stripe_audience.audience.transfer import (  # noqa: F401
            backfill,
            deleted_accounts,
            file_import,
        )
