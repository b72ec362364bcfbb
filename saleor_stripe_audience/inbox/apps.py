from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "saleor_stripe_audience.inbox"
    label = "inbox"
