from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "saleor_stripe_audience.inbox"
    label = "inbox"

    def ready(self) -> None:
        from saleor_stripe_audience.inbox.handlers import event_handlers

        event_handlers()  # a table that cannot be loaded fails at startup, not at the first event
