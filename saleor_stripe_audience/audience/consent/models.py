"""The consent ledger, confirmation emails, and the webhooks of email services."""

import uuid
from datetime import datetime
from typing import Any, NoReturn

from django.db import models

from saleor_stripe_audience.audience.people.models import Audience, Contact, Wording
from saleor_stripe_audience.vault import EncryptedTextField


class LedgerIsAppendOnly(TypeError):  # noqa: N818 - it states a fact
    """Code tried to change or delete a row of the consent ledger."""

    def __init__(self) -> None:
        super().__init__("The consent ledger is append-only: record another event instead.")


class ConsentQuerySet(models.QuerySet["Consent"]):
    """Rows of the ledger cannot be changed or deleted: they follow the person, and are erased with the person."""

    def update(self, **_values: Any) -> NoReturn:
        raise LedgerIsAppendOnly

    def delete(self) -> NoReturn:
        raise LedgerIsAppendOnly

    def follow(self, absorbed: Contact, kept: Contact) -> None:
        """Reassign the rows of `absorbed` to `kept`, because both are one person. Nothing else in a row changes."""
        models.QuerySet(Consent).filter(contact=absorbed).update(contact=kept)

    def correct_order(
        self,
        order_id: str,
        mistyped: Contact,
        corrected: Contact | None,
        email: str,
        erased_at: datetime | None,
    ) -> bool:
        """Replace the rows of a guest's order with rows of `corrected`, if any, and its address; returns whether there
        were any.

        They are new rows, so that the link in an email to the mistyped address confirms nothing.
        """
        rows: models.QuerySet[Consent] = models.QuerySet(Consent).filter(
            contact=mistyped,
            source=Consent.Source.CHECKOUT,
            reference=order_id[:128],
            is_proven=False,
            is_late=False,
        )
        found = list(rows)
        rows.delete()
        if corrected is None:
            return bool(found)
        kept = [
            row for row in found if row.kind != Consent.Kind.GIVEN or erased_at is None or row.at > erased_at
        ]
        for row in kept:
            row.pk, row.contact, row.email = None, corrected, email
            row.needs_confirmation = row.needs_confirmation or erased_at is not None
        self.bulk_create(kept)
        return bool(found)


class Consent(models.Model):
    """One consent event of a person: what they agreed to or withdrew, when, and through which channel. Append-only.

    With `needs_confirmation`, a given consent counts only once it is confirmed by email. `is_proven` means that the
    owner of the email address is known to have acted: through a link in an email, or from a confirmed account. With
    `is_late`, the order of an account had it long after it was placed, so it is not known who wrote it there. `key`
    makes an event that is reported twice one row. `actor` is who recorded it, if not the person: staff or an import.
    Soft opt-in is a separate basis and not consent.
    """

    class Kind(models.TextChoices):
        GIVEN = "given"
        CONFIRMED = "confirmed"
        WITHDRAWN = "withdrawn"

    class Basis(models.TextChoices):
        CONSENT = "consent"
        SOFT_OPT_IN = "soft_opt_in"

    class Source(models.TextChoices):
        CHECKOUT = "checkout"
        ACCOUNT = "account"
        STOREFRONT = "storefront"
        MAIL = "mail"
        IMPORT = "import"
        STAFF = "staff"
        MAILCHIMP = "mailchimp"

    class WordingOrigin(models.TextChoices):
        """The wording's origin: sent with the event; the audience's own, as none was sent; sent but unknown."""

        SENT = "sent"
        AUDIENCE = "audience"
        UNKNOWN = "unknown"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents", db_index=False)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="consents", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    basis = models.CharField(max_length=16, choices=Basis.choices, default=Basis.CONSENT)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    email = models.CharField(max_length=320)
    source = models.CharField(max_length=16, choices=Source.choices)
    source_detail = models.CharField(max_length=128, blank=True, default="")
    actor = models.CharField(max_length=128, blank=True, default="")
    reference = models.CharField(max_length=128, blank=True, default="")
    wording = models.ForeignKey(Wording, null=True, on_delete=models.RESTRICT, related_name="consents")
    wording_origin = models.CharField(max_length=8, choices=WordingOrigin.choices, default=WordingOrigin.SENT)
    ip = models.GenericIPAddressField(null=True)
    needs_confirmation = models.BooleanField(default=False)
    is_proven = models.BooleanField(default=False)
    is_late = models.BooleanField(default=False)
    key = models.CharField(max_length=64)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["audience", "key"], name="consent_once")]
        indexes = [
            models.Index(fields=["contact", "at"], name="consent_by_contact"),
            models.Index(
                fields=["audience", "at", "kind", "basis", "needs_confirmation"], name="consent_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at.isoformat()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise LedgerIsAppendOnly
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise LedgerIsAppendOnly


class ConfirmationMail(models.Model):
    """An email that asks for confirmation of a consent. Stored to limit the emails to one mailbox.

    `mailbox` is an HMAC of the mailbox with the shop's secret. An erased address has no contact: `request` holds its
    request until the email is sent.
    """

    contact = models.ForeignKey(
        Contact, null=True, on_delete=models.CASCADE, related_name="confirmation_mails"
    )
    consent = models.ForeignKey(
        Consent, null=True, on_delete=models.CASCADE, related_name="confirmation_mails"
    )
    mailbox = models.CharField(max_length=64, default="")
    request = EncryptedTextField(blank=True, default="")
    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "requested_at"], name="confirmation_mail_by_mailbox")]

    def __str__(self) -> str:
        return f"for consent {self.consent_id}"


class SoftBounce(models.Model):
    """A temporary failure of an email to the contact; deleted when an email is delivered."""

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="soft_bounces", db_index=False
    )
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact", "day"], name="soft_bounce_once_a_day")]

    def __str__(self) -> str:
        return f"{self.contact_id} on {self.day}"


class MailWebhook(models.Model):
    """A webhook to which an email service reports bounces and complaints about a shop's emails.

    `secret_digest` is the SHA-256 of the secret in its URL. `signing_key` is the service's, if it signs its reports.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="mail_webhooks"
    )
    service = models.CharField(max_length=32)
    secret_digest = models.CharField(max_length=64, unique=True)
    signing_key = EncryptedTextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.service} {self.pk}"


class EarlyWithdrawal(models.Model):
    """A withdrawal on the shop's pages by someone who was not a contact yet; the address is only stored as an HMAC."""

    installation = models.ForeignKey(
        "shops.Installation", on_delete=models.CASCADE, related_name="early_withdrawals", db_index=False
    )
    digest = models.CharField(max_length=64)
    withdrawn_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation", "digest"], name="early_withdrawal_once")
        ]
        indexes = [models.Index(fields=["withdrawn_at"], name="early_withdrawal_age")]

    def __str__(self) -> str:
        return self.digest
