"""Reports of email services, in their own formats, and how they send them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from saleor_stripe_audience.audience.consent.deliveries.services import SERVICES

ADA = "ada@shop.example"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KEY = "key-of-the-service"


def sns(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "m1",
        "Message": json.dumps(event),
        "Timestamp": NOW.isoformat(),
    }


def ses(kind: str, **details: Any) -> dict[str, Any]:
    """A report by a configuration set; `details` are the object that is named after the kind, and other fields."""
    mail = {"messageId": "0102018a-1", "destination": [ADA], "source": "news@shop.example", "headers": []}
    return sns({"eventType": kind, "mail": mail, **details})


def ses_bounce(kind: str, sub_type: str = "General") -> dict[str, Any]:
    bounced = [{"emailAddress": ADA, "action": "failed", "status": "5.1.1"}]
    return ses("Bounce", bounce={"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": bounced})


def ses_complaint(feedback_type: str | None, *recipients: str) -> dict[str, Any]:
    complained = [{"emailAddress": each} for each in recipients or (ADA,)]
    complaint: dict[str, Any] = {"complainedRecipients": complained, "complaintSubType": None}
    if feedback_type:
        complaint["complaintFeedbackType"] = feedback_type
    return ses("Complaint", complaint=complaint)


def ses_preferences(*opted_out: str, everything: bool = False) -> dict[str, Any]:
    topics = ("sales", "news")
    return {
        "unsubscribeAll": everything,
        "topicSubscriptionStatus": [
            {"topicName": topic, "subscriptionStatus": "OptOut" if topic in opted_out else "OptIn"}
            for topic in topics
        ],
    }


def ses_subscription(new: dict[str, Any], old: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    change = {"contactList": "shop", "source": "UnsubscribeHeader", "timestamp": NOW.isoformat()}
    return ses(
        "Subscription", subscription=change | {"newTopicPreferences": new, "oldTopicPreferences": old}, **more
    )


def mailgun(event: str, **more: Any) -> dict[str, Any]:
    token = "t" * 50
    signed = hmac.new(KEY.encode(), f"{SECONDS}{token}".encode(), hashlib.sha256).hexdigest()
    data = {"event": event, "id": f"{event}-1", "timestamp": SECONDS, "recipient": ADA} | more
    return {
        "signature": {"timestamp": str(SECONDS), "token": token, "signature": signed},
        "event-data": data,
    }


def sparkpost(
    kind: str, bounce_class: str = "", group: str = "message_event", **more: Any
) -> list[dict[str, Any]]:
    event = {"type": kind, "rcpt_to": ADA, "raw_rcpt_to": "Ada@Shop.example"}
    event |= {"timestamp": str(SECONDS), "event_id": "1", "transmission_id": "2"}
    if bounce_class:
        event["bounce_class"] = bounce_class
    return [{"msys": {group: event | more}}]


def mandrill(kind: str, **message: Any) -> list[dict[str, Any]]:
    sent = {"email": ADA, "_id": "7761a1", "ts": SECONDS, "subject": "News", "tags": [], "state": "sent"}
    return [{"event": kind, "ts": SECONDS, "_id": "7761a1", "msg": sent | message}]


def mandrill_list(action: str, reason: str, kind: str = "blacklist") -> list[dict[str, Any]]:
    entry = {
        "reason": reason,
        "detail": "",
        "email": ADA,
        "created_at": "2026-11-01 12:00:00",
        "expired": False,
    }
    return [{"type": kind, "action": action, "ts": SECONDS, "reject": entry}]


def mailersend(kind: str) -> dict[str, Any]:
    message = {"id": "6512", "object": "message"}
    email = {"id": "9921", "object": "email", "message": message, "recipient": {"email": ADA}, "tags": []}
    data = {"object": "activity", "id": "3301", "type": kind, "created_at": NOW.isoformat(), "email": email}
    return {"type": f"activity.{kind}", "created_at": NOW.isoformat(), "data": data}


def postmark(record_type: str, kind: str = "") -> dict[str, Any]:
    return {"RecordType": record_type, "Type": kind, "Email": ADA, "Recipient": ADA, "ID": 7,
            "BouncedAt": NOW.isoformat(), "DeliveredAt": NOW.isoformat()}  # fmt: skip


def suppression(reason: str | None, origin: str = "Recipient") -> dict[str, Any]:
    change = {"RecordType": "SubscriptionChange", "MessageID": "x", "Recipient": ADA, "Origin": origin}
    return change | {
        "SuppressSending": reason is not None,
        "SuppressionReason": reason,
        "ChangedAt": NOW.isoformat(),
    }


def resend(kind: str, bounce: str = "", **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"email_id": "e", "to": [ADA], "headers": []}
    if bounce:
        data["bounce"] = {"message": "The recipient's provider sent a bounce message", "type": bounce}
    return {"type": kind, "created_at": NOW.isoformat(), "data": data | more}


def resend_contact(kind: str = "contact.updated", **more: Any) -> dict[str, Any]:
    contact = {"id": "c", "audience_id": "a", "email": ADA, "first_name": "Ada", "last_name": "L"}
    return {"type": kind, "created_at": NOW.isoformat(), "data": contact | more}


def brevo(event: str) -> dict[str, Any]:
    return {"event": event, "email": ADA, "id": 1, "ts_event": SECONDS, "message-id": "<x@y>", "tags": []}


def brevo_marketing(event: str, seconds: int = SECONDS) -> dict[str, Any]:
    return {"event": event, "email": ADA, "id": 1, "camp_id": 4, "campaign name": "News", "list_id": [3],
            "ts": seconds - 60, "ts_event": seconds}  # fmt: skip


def sendgrid(event: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"event": event, "email": ADA, "timestamp": SECONDS, "sg_event_id": "s", "sg_message_id": "m"} | more
    ]


def mailjet(event: str, **more: Any) -> list[dict[str, Any]]:
    return [{"event": event, "email": ADA, "time": SECONDS, "MessageID": 1} | more]


def key_of(service: str) -> str:
    return KEY if SERVICES[service].needs_key else ""


def post(client: Any, url: str, service: str, body: Any) -> Any:
    """Send the body as the service does, with its signature; `client` can also be a request factory."""
    text = json.dumps(body)
    path = "/" + url.partition("://")[2].partition("/")[2]
    if service == "mandrill":
        signed = hmac.new(KEY.encode(), f"{url}mandrill_events{text}".encode(), hashlib.sha1).digest()
        signature = base64.b64encode(signed).decode()
        return client.post(path, {"mandrill_events": text}, headers={"X-Mandrill-Signature": signature})
    headers = {}
    if service == "mailersend":
        headers["Signature"] = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    if service == "amazon-ses":
        headers |= {"x-amz-sns-message-type": body["Type"], "x-amz-sns-message-id": body["MessageId"]}
    return client.post(path, text, content_type="application/json", headers=headers)


def send(client: Client, url: str, body: Any, **headers: str) -> Any:
    path = "/" + url.partition("://")[2].partition("/")[2]
    message = body if isinstance(body, dict) else {}
    if "MessageId" in message:
        headers |= {"x-amz-sns-message-type": message["Type"], "x-amz-sns-message-id": message["MessageId"]}
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)
