"""What the services' reports mean: their documented event types, in their own formats."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, RequestFactory

from saleor_stripe_audience.audience.consent import choices
from saleor_stripe_audience.audience.consent.deliveries import services, webhooks
from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind
from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES
from saleor_stripe_audience.audience.consent.models import Consent, MailWebhook, SoftBounce
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.inbox.models import Event
from saleor_stripe_audience.shops.models import Installation
from tests.audience.deliveries.reports import (
    ADA,
    KEY,
    NOW,
    SECONDS,
    brevo,
    brevo_marketing,
    key_of,
    mailersend,
    mailgun,
    mailjet,
    mandrill,
    mandrill_list,
    post,
    postmark,
    resend,
    resend_contact,
    sendgrid,
    ses,
    ses_bounce,
    ses_complaint,
    ses_preferences,
    ses_subscription,
    sns,
    sparkpost,
    suppression,
)
from tests.conftest import Work

OTHER = "other@shop.example"
HARD, SOFT, COMPLAINT = Kind.HARD_BOUNCE, Kind.SOFT_BOUNCE, Kind.COMPLAINT
UNSUBSCRIBE, DELIVERED = Kind.UNSUBSCRIBE, Kind.DELIVERED

# Each service's words for its documented event types, and what they mean.
AMAZON_SES: list[tuple[Any, Kind | None]] = [
    (ses_bounce("Permanent"), HARD),
    (ses_bounce("Permanent", "OnAccountSuppressionList"), HARD),
    (ses_bounce("Permanent", "UnsubscribedRecipient"), UNSUBSCRIBE),
    (ses_bounce("Transient", "MailboxFull"), SOFT),
    (ses_bounce("Undetermined", "Undetermined"), SOFT),
    (ses_complaint(None), COMPLAINT),
    (ses_complaint("abuse"), COMPLAINT),
    (ses_complaint("fraud"), COMPLAINT),
    (ses_complaint("other"), COMPLAINT),
    (ses_complaint("not-spam"), None),
    (ses_complaint("auth-failure"), None),
    (ses_complaint("virus"), None),
    (ses_complaint("abuse", ADA, OTHER), None),
    (ses_subscription(ses_preferences(everything=True), ses_preferences()), UNSUBSCRIBE),
    (ses_subscription({"unsubscribeAll": True, "topicSubscriptionStatus": []}), UNSUBSCRIBE),
    (ses_subscription(ses_preferences("news"), ses_preferences()), UNSUBSCRIBE),
    (ses_subscription(ses_preferences("news"), ses_preferences("news", "sales")), None),
    (ses_subscription(ses_preferences(), ses_preferences(everything=True)), None),
    (ses_subscription(ses_preferences(everything=True), mail={"destination": [ADA, OTHER]}), None),
    (ses("Delivery", delivery={"recipients": [ADA]}), DELIVERED),
    (ses("DeliveryDelay", deliveryDelay={"delayType": "MailboxFull"}), None),
    (ses("Reject", reject={"reason": "Bad content"}), None),
    (ses("Send", send={}), None),
    (ses("Open", open={}), None),
    (ses("Rendering Failure", failure={"errorMessage": "x", "templateName": "y"}), None),
    (sns({"notificationType": "Complaint", "mail": {"destination": [ADA]},
          "complaint": {"complainedRecipients": [{"emailAddress": ADA}]}}), COMPLAINT),
    (sns({"notificationType": "Complaint", "mail": {"destination": [ADA]},
          "complaint": {"complainedRecipients": [{"emailAddress": ADA}], "complaintFeedbackType": "not-spam"}}), None),
]  # fmt: skip
BREVO: list[tuple[Any, Kind | None]] = [
    *((brevo(event), HARD) for event in ("hard_bounce", "invalid_email")),
    (brevo("soft_bounce"), SOFT),
    *((brevo(event), COMPLAINT) for event in ("spam", "complaint")),
    *((brevo(event), UNSUBSCRIBE) for event in ("unsubscribe", "unsubscribed")),
    (brevo("delivered"), DELIVERED),
    *((brevo(event), None) for event in ("request", "deferred", "blocked", "error", "opened", "click")),
    (brevo_marketing("unsubscribe"), UNSUBSCRIBE),
    (brevo_marketing("hard_bounce"), HARD),
    (brevo_marketing("spam"), COMPLAINT),
    (brevo_marketing("list_addition"), None),
    (brevo_marketing("contact_updated") | {"content": [{"email_blacklisted": True}]}, None),
    (brevo_marketing("contact_deleted") | {"email": [ADA]}, None),
]
MAILERSEND: list[tuple[Any, Kind | None]] = [
    (mailersend("hard_bounced"), HARD),
    (mailersend("soft_bounced"), SOFT),
    (mailersend("spam_complaint"), COMPLAINT),
    (mailersend("unsubscribed"), UNSUBSCRIBE),
    (mailersend("delivered"), DELIVERED),
    *((mailersend(event), None) for event in ("sent", "deferred", "opened", "clicked", "survey_opened")),
    ({"type": "sender_identity.verified", "created_at": NOW.isoformat(), "data": {"email": ADA}}, None),
    ({"type": "recipient.on_hold_added", "created_at": NOW.isoformat(), "data": {"recipient": ADA}}, None),
]
MAILGUN: list[tuple[Any, Kind | None]] = [
    (mailgun("failed", severity="permanent", reason="bounce"), HARD),
    (mailgun("failed", severity="permanent", reason="suppress-bounce"), HARD),
    (mailgun("failed", severity="permanent", reason="suppress-complaint"), COMPLAINT),
    (mailgun("failed", severity="permanent", reason="suppress-unsubscribe"), UNSUBSCRIBE),
    (mailgun("failed", severity="permanent", reason="espblock"), SOFT),
    (mailgun("failed", severity="permanent", reason="old"), SOFT),
    (mailgun("failed", severity="temporary", reason="bounce"), None),
    (mailgun("complained"), COMPLAINT),
    (mailgun("unsubscribed"), UNSUBSCRIBE),
    (mailgun("delivered"), DELIVERED),
    *((mailgun(event), None) for event in ("accepted", "rejected", "opened", "clicked", "stored")),
]
MAILJET: list[tuple[Any, Kind | None]] = [
    (mailjet("bounce", hard_bounce=True, error_related_to="recipient", error="user unknown"), HARD),
    (mailjet("bounce", hard_bounce=True, error_related_to="spam", error="content blocked"), SOFT),
    (mailjet("bounce", hard_bounce=False, error_related_to="recipient", error="quota exceeded"), SOFT),
    (mailjet("bounce", hard_bounce=False, error_related_to="domain", error="greylisted"), None),
    *(
        (mailjet("blocked", error_related_to="recipient", error=error), HARD)
        for error in ("user unknown", "mailbox inactive", "invalid domain", "typofix")
    ),
    *(
        (mailjet("blocked", error_related_to="recipient", error=error, hard_bounce=False), SOFT)
        for error in ("user unknown", "quota exceeded", "no mail host", "relay/access denied", "preblocked")
    ),
    (mailjet("blocked", error_related_to="recipient", error="quota exceeded"), SOFT),
    (mailjet("blocked", error_related_to="recipient", error="spam reporter"), COMPLAINT),
    *(
        (mailjet("blocked", error_related_to="spam", error=error), None)
        for error in (
            "blacklisted",
            "sender blocked",
            "content blocked",
            "policy issue",
            "duplicate in campaign",
        )
    ),
    (mailjet("spam", source="JMRPP"), COMPLAINT),
    (mailjet("unsub", mj_list_id=1), UNSUBSCRIBE),
    (mailjet("sent", smtp_reply="250 OK"), DELIVERED),
    (mailjet("open"), None),
]
MANDRILL: list[tuple[Any, Kind | None]] = [
    (mandrill("hard_bounce", state="bounced", bounce_description="bad_mailbox"), HARD),
    (mandrill("soft_bounce", state="soft-bounced", bounce_description="mailbox_full"), SOFT),
    (mandrill("spam", state="spam"), COMPLAINT),
    (mandrill("unsub", state="unsub"), UNSUBSCRIBE),
    (mandrill("delivered"), DELIVERED),
    *((mandrill(event), None) for event in ("send", "deferral", "open", "click", "reject")),
    *(
        (mandrill("reject", state="rejected", reject={"reason": reason}), kind)
        for reason, kind in (
            ("hard-bounce", HARD),
            ("soft-bounce", SOFT),
            ("spam", COMPLAINT),
            ("unsub", UNSUBSCRIBE),
            *(
                (reason, None)
                for reason in ("custom", "invalid-sender", "unsigned", "rule", "test-mode-limit")
            ),
        )
    ),
    (mandrill_list("add", "unsub"), UNSUBSCRIBE),
    (mandrill_list("add", "unsub", "denylist"), UNSUBSCRIBE),
    (mandrill_list("add", "spam"), COMPLAINT),
    (mandrill_list("add", "hard-bounce"), HARD),
    (mandrill_list("add", "custom"), None),
    (mandrill_list("change", "unsub"), None),
    (mandrill_list("remove", "unsub"), None),
    (mandrill_list("add", "unsub", "whitelist"), None),
]
POSTMARK: list[tuple[Any, Kind | None]] = [
    *((postmark("Bounce", kind), HARD) for kind in ("HardBounce", "BadEmailAddress")),
    *(
        (postmark("Bounce", kind), SOFT)
        for kind in ("SoftBounce", "Blocked", "SpamNotification", "VirusNotification")
    ),
    (postmark("Bounce", "SpamComplaint"), COMPLAINT),
    (postmark("Bounce", "Unsubscribe"), UNSUBSCRIBE),
    *(
        (postmark("Bounce", kind), None)
        for kind in ("Transient", "DnsError", "AutoResponder", "AddressChange", "ManuallyDeactivated", "Unknown",
                     "DMARCPolicy", "ChallengeVerification", "Subscribe", "OpenRelayTest", "Unconfirmed")
    ),
    (postmark("SpamComplaint", "SpamComplaint"), COMPLAINT),
    (suppression("HardBounce"), HARD),
    (suppression("SpamComplaint"), COMPLAINT),
    (suppression("ManualSuppression"), UNSUBSCRIBE),
    (suppression("ManualSuppression", "Customer"), None),
    (suppression("ManualSuppression", "Admin"), None),
    (suppression(None), None),
    (suppression("ManualSuppression") | {"SuppressSending": False}, None),
    (postmark("Delivery"), DELIVERED),
    (postmark("SMTPAPIError", "SMTPApiError"), None),
    (postmark("Open"), None),
    (postmark("Click"), None),
]  # fmt: skip
RESEND: list[tuple[Any, Kind | None]] = [
    (resend("email.bounced", "Permanent"), HARD),
    (resend("email.bounced", "Transient"), SOFT),
    (resend("email.bounced", "Undetermined"), SOFT),
    (resend("email.suppressed", suppressed={"type": "OnAccountSuppressionList", "message": "x"}), HARD),
    (resend("email.complained"), COMPLAINT),
    (resend("email.delivered"), DELIVERED),
    *(
        (resend(kind), None)
        for kind in ("email.sent", "email.delivery_delayed", "email.failed", "email.opened", "email.clicked")
    ),
    *(
        (resend(kind, bounce, **more), None)
        for kind, bounce in (
            ("email.complained", ""),
            ("email.bounced", "Permanent"),
            ("email.delivered", ""),
        )
        for more in ({"to": [ADA, OTHER]}, {"cc": [OTHER]}, {"bcc": [OTHER]})
    ),
    (resend_contact("suppression.added", origin="bounce"), HARD),
    (resend_contact("suppression.added", origin="complaint"), COMPLAINT),
    (resend_contact("suppression.added", origin="manual"), None),
    (resend_contact("suppression.removed", origin="complaint"), None),
    (resend_contact(unsubscribed=True), UNSUBSCRIBE),
    (resend_contact(unsubscribed=False), None),
    (resend_contact("contact.created", unsubscribed=True), None),
    (resend_contact("contact.deleted", unsubscribed=True), None),
    (
        resend_contact(
            "contact.topics.updated",
            topics=[{"id": "1", "subscription": "opt_in"}, {"id": "2", "subscription": "opt_out"}],
        ),
        UNSUBSCRIBE,
    ),
    (resend_contact("contact.topics.updated", topics=[{"id": "1", "subscription": "opt_in"}]), None),
    ({"type": "domain.updated", "created_at": NOW.isoformat(), "data": {"name": "shop.example"}}, None),
]
SENDGRID: list[tuple[Any, Kind | None]] = [
    (sendgrid("bounce", type="bounce", status="5.1.1", reason="550 no such user"), HARD),
    (sendgrid("bounce", type="blocked", reason="550 spam"), SOFT),
    (sendgrid("dropped", reason="Bounced Address"), HARD),
    (sendgrid("dropped", reason="Invalid"), HARD),
    (sendgrid("dropped", reason="Spam Reporting Address"), COMPLAINT),
    (sendgrid("dropped", reason="Unsubscribed Address"), UNSUBSCRIBE),
    (sendgrid("dropped", reason="Spam Content (if spam check app is enabled)"), None),
    (sendgrid("dropped", reason="Recipient List over Package Quota"), None),
    (sendgrid("dropped", reason="Invalid SMTPAPI header"), None),
    (sendgrid("spamreport"), COMPLAINT),
    (sendgrid("unsubscribe"), UNSUBSCRIBE),
    (sendgrid("group_unsubscribe", asm_group_id=1), UNSUBSCRIBE),
    (sendgrid("delivered", response="250 OK"), DELIVERED),
    *((sendgrid(event), None) for event in ("processed", "deferred", "open", "click", "group_resubscribe")),
]
SPARKPOST: list[tuple[Any, Kind | None]] = [
    *((sparkpost(event, "10"), HARD) for event in ("bounce", "out_of_band", "policy_rejection")),
    (sparkpost("bounce", "30"), HARD),
    (sparkpost("generation_rejection", "30", "gen_event"), HARD),
    *(
        (sparkpost("bounce", kind), SOFT)
        for kind in ("1", "20", "21", "22", "23", "40", "50", "51", "52", "70")
    ),
    *((sparkpost("bounce", kind), None) for kind in ("25", "60", "80", "100")),
    (sparkpost("bounce", "90"), UNSUBSCRIBE),
    *((sparkpost("policy_rejection", kind), SOFT) for kind in ("20", "21", "22", "23", "24", "40", "70")),
    *((sparkpost("policy_rejection", kind), None) for kind in ("1", "25", "50", "51", "52", "53", "54")),
    *((sparkpost("generation_rejection", kind, "gen_event"), None) for kind in ("25", "51", "52")),
    (sparkpost("generation_failure", "", "gen_event"), None),
    (sparkpost("spam_complaint", fbtype="abuse"), COMPLAINT),
    (sparkpost("spam_complaint"), COMPLAINT),
    (sparkpost("spam_complaint", fbtype="not-spam"), None),
    (sparkpost("list_unsubscribe", "", "unsubscribe_event"), UNSUBSCRIBE),
    (sparkpost("list_unsubscribe", "", "unsubscribe_event", raw_rcpt_to=None), UNSUBSCRIBE),
    (sparkpost("link_unsubscribe", "", "unsubscribe_event", raw_rcpt_to=None), UNSUBSCRIBE),
    (sparkpost("delivery"), DELIVERED),
    *((sparkpost(event), None) for event in ("injection", "delay", "open", "click")),
    ([{"msys": {}}], None),
]
DOCUMENTED = {
    "amazon-ses": AMAZON_SES,
    "brevo": BREVO,
    "mailersend": MAILERSEND,
    "mailgun": MAILGUN,
    "mailjet": MAILJET,
    "mandrill": MANDRILL,
    "postmark": POSTMARK,
    "resend": RESEND,
    "sendgrid": SENDGRID,
    "sparkpost": SPARKPOST,
}


@pytest.mark.parametrize(
    ("service", "body", "kind"), [(name, *each) for name, reports in DOCUMENTED.items() for each in reports]
)
def test_every_documented_event_type_is_decided(service: str, body: Any, kind: Kind | None) -> None:
    url = "https://app.example/api/webhooks/mail/x"
    view = SERVICES[service].build_view(key_of(service), url)
    request = post(RequestFactory(), url, service, body)
    view.run_validators(request)
    reports = services.parse_reports(service, view, request, datetime.now(UTC))
    assert [(report.kind, report.recipient.lower()) for report in reports] == ([(kind, ADA)] if kind else [])


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"event": "dropped", "code": "605"}, HARD),
        ({"event": "dropped", "code": "606"}, UNSUBSCRIBE),
        ({"event": "dropped", "code": "607"}, COMPLAINT),
        ({"event": "dropped", "code": "552"}, SOFT),
        ({"event": "bounced", "code": "550"}, SOFT),
        ({"event": "complained"}, COMPLAINT),
        ({"event": ["opened", "complained"]}, None),  # the second is a variable of the merchant's
    ],
)
def test_mailguns_former_format_is_decided(fields: dict[str, Any], kind: Kind | None) -> None:
    form = {"recipient": ADA, "timestamp": str(SECONDS), "token": "t", "message-headers": "[]"} | fields
    view = SERVICES["mailgun"].build_view(KEY, "")
    reports = services.parse_reports("mailgun", view, RequestFactory().post("/", form), datetime.now(UTC))
    assert [report.kind for report in reports] == ([kind] if kind else [])


@pytest.mark.parametrize("service", DOCUMENTED)
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.django_db(transaction=True)
def test_each_service_changes_the_contact(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work, service: str, kind: Kind
) -> None:
    if kind == DELIVERED:
        Contact.objects.update(deliverability="bounced")
    body = next(body for body, meant in DOCUMENTED[service] if meant == kind)
    url = webhooks.create(shop, service, key_of(service)).url
    for _ in range(2):
        assert post(client, url, service, body).status_code == 200
    run_due_tasks()
    assert list(Event.objects.filter(source="mail").values_list("kind", flat=True)) == [kind]
    contact = Contact.objects.get()
    expected = {
        HARD: ("cleaned", "bounced"),
        COMPLAINT: ("unsubscribed", "complained"),
        UNSUBSCRIBE: ("unsubscribed", "ok"),
    }
    assert (contact.status, contact.deliverability) == expected.get(kind, ("subscribed", "ok"))
    assert SoftBounce.objects.count() == (kind == SOFT)
    assert MailWebhook.objects.get().heard_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_second_unsubscription_at_the_service_counts_too(
    shop: Installation, ada: Contact, client: Client, run_due_tasks: Work
) -> None:
    """Brevo's reports about marketing emails have neither an id nor the usual time."""
    url = webhooks.create(shop, "brevo").url
    post(client, url, "brevo", brevo_marketing("unsubscribe"))
    run_due_tasks()
    assert Consent.objects.get(kind="withdrawn").at == NOW
    choices.subscribe(Contact.objects.get(), "Yes.")
    post(client, url, "brevo", brevo_marketing("unsubscribe"))  # repeated
    run_due_tasks()
    assert Contact.objects.get().status == "subscribed"
    post(client, url, "brevo", brevo_marketing("unsubscribe", int(datetime.now(UTC).timestamp()) + 2))
    run_due_tasks()
    assert Contact.objects.get().status == "unsubscribed"
