"""Where email services report bounces and complaints. The rules are in `audience.consent.deliveries`."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
import strawberry_django
from django.db.models import QuerySet
from strawberry import Info, relay

from saleor_stripe_audience.api import ids
from saleor_stripe_audience.api.context import needs, shop_id
from saleor_stripe_audience.api.enums import MailService
from saleor_stripe_audience.api.errors import Payload, mutation
from saleor_stripe_audience.audience import models
from saleor_stripe_audience.audience.consent.deliveries import webhooks


def _is_signed(root: strawberry.Parent[models.MailWebhook]) -> bool:
    return bool(root.signing_key)


@strawberry_django.type(
    models.MailWebhook, description="A webhook URL to which an email service reports bounces and complaints."
)
class MailWebhook(relay.Node):
    service: MailService = strawberry_django.field(description="The email service that reports.")
    is_signed: bool = strawberry_django.field(
        resolver=_is_signed,
        only=["signing_key"],
        description="Whether its reports are verified with the service's signing key.",
    )
    created_at: datetime = strawberry_django.field(description="When it was created.")
    last_report_at: datetime | None = strawberry_django.field(
        field_name="heard_at", description="When the service last reported; null if never."
    )
    revoked_at: datetime | None = strawberry_django.field(
        description="When it was revoked; null while it is in use."
    )

    @classmethod
    def get_queryset(cls, queryset: QuerySet[Any], info: Info, **_: Any) -> QuerySet[Any]:
        return queryset.filter(installation_id=shop_id(info))


@strawberry.input(description="A mail webhook to create.")
class MailWebhookInput:
    service: MailService = strawberry.field(description="The service that sends the shop's emails.")
    signing_key: str = strawberry.field(
        default="",
        description="The service's key for signing webhooks; some services require it. MailerSend and Mandrill make "
        "it once they know the URL: set it with mailWebhookUpdate.",
    )


@strawberry.type(description="The mail webhook that was created.")
class MailWebhookCreate(Payload):
    url: str | None = strawberry.field(
        default=None,
        description="The webhook's URL. It contains a secret and is shown only once: enter it at the email "
        "service.",
    )
    mail_webhook: MailWebhook | None = strawberry.field(default=None, description="The webhook.")


@strawberry.type(description="The mail webhook that was changed.")
class MailWebhookUpdate(Payload):
    mail_webhook: MailWebhook | None = strawberry.field(default=None, description="The webhook.")


@strawberry.type(description="The mail webhook that was revoked.")
class MailWebhookRevoke(Payload):
    mail_webhook: MailWebhook | None = strawberry.field(default=None, description="The webhook.")


def _mail_webhooks(info: Info) -> list[MailWebhook]:
    return cast("list[MailWebhook]", webhooks.webhooks_of(ids.own_shop(info)))


def _create(
    info: Info,
    input: Annotated[MailWebhookInput, strawberry.argument(description="The webhook to create.")],  # noqa: A002 - as in Saleor
) -> MailWebhookCreate:
    made = webhooks.create(ids.own_shop(info), input.service.value, input.signing_key)
    return MailWebhookCreate(url=made.url, mail_webhook=cast("MailWebhook", made.webhook))


def _update(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's id.")],  # noqa: A002 - as in Saleor
    signing_key: Annotated[
        str, strawberry.argument(description="The service's key for signing webhooks, from now on.")
    ],
) -> MailWebhookUpdate:
    webhook = _own(info, id)
    webhooks.set_key(webhook, signing_key)
    webhook.refresh_from_db()
    return MailWebhookUpdate(mail_webhook=cast("MailWebhook", webhook))


def _own(info: Info, webhook_id: strawberry.ID) -> models.MailWebhook:
    own = models.MailWebhook.objects.filter(installation_id=shop_id(info))
    webhook = own.filter(pk=ids.key_of(webhook_id, "MailWebhook")).first()
    if webhook is None:
        raise ids.not_found("MailWebhook")
    return webhook


def _revoke(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's id.")],  # noqa: A002 - as in Saleor
) -> MailWebhookRevoke:
    webhook = _own(info, id)
    webhooks.revoke(webhook)
    webhook.refresh_from_db()
    return MailWebhookRevoke(mail_webhook=cast("MailWebhook", webhook))


@strawberry.type
class MailWebhookQueries:
    mail_webhooks: list[MailWebhook] = strawberry_django.field(
        resolver=_mail_webhooks,
        permission_classes=[needs("settings:read")],
        description="The mail webhooks in use, oldest first, without their secrets. Needs the scope settings:read.",
    )


@strawberry.type
class MailWebhookMutations:
    mail_webhook_create: MailWebhookCreate = mutation(
        _create,
        "settings:write",
        "Create a webhook URL to which an email service reports bounces and complaints about the "
        "shop's emails. Anyone who has the URL can unsubscribe people and find out who is a "
        "contact.",
        and_scope="audience:write",
    )
    mail_webhook_update: MailWebhookUpdate = mutation(
        _update,
        "settings:write",
        "Set the key with which the service signs its reports. Until MailerSend's or Mandrill's is set, their reports "
        "are refused.",
        and_scope="audience:write",
    )
    mail_webhook_revoke: MailWebhookRevoke = mutation(
        _revoke, "settings:write", "Revoke a webhook: reports to its URL are refused."
    )
