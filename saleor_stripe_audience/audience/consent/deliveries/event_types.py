"""What each email service's documented event types mean for an address and its owner.

An event type that is not here means nothing: sent, opened, clicked, deferred, failed because of the message itself.

A complaint or an unsubscription is the person's own act. What a filter thinks of the content, and what the merchant
entered at the service, is not. A suppression counts as what the service remembers, if it says what that was.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a report says about an address."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    DELIVERED = "delivered"


type Meaning = Kind | By | Callable[[Any], Kind | None] | None


@dataclass(frozen=True, slots=True)
class By:
    """The value at `path` decides, regardless of case. The first entry counts if there are several values."""

    path: str
    table: Mapping[str, Meaning]
    otherwise: Meaning = None

    def meaning_of(self, report: Any) -> Meaning:
        values = {str(value).lower() for value in values_at(report, self.path)}
        fitting = (meaning for value, meaning in self.table.items() if value.lower() in values)
        return next(fitting, self.otherwise)


def decide(meaning: Meaning, report: Any) -> Kind | None:
    """Return what the report means by the service's table; None if nothing."""
    while isinstance(meaning, By):
        meaning = meaning.meaning_of(report)
    return meaning if meaning is None or isinstance(meaning, Kind) else meaning(report)


def values_at(report: Any, path: str) -> list[Any]:
    """Return the values at the path: all of a list's, and of any member for `*`."""
    found = [report]
    for step in path.split("."):
        found = [value for each in found for value in _members(each, step)]
    return found


def _members(value: Any, step: str) -> Iterator[Any]:
    if step == "*" and isinstance(value, dict):
        children = list(value.values())
    elif hasattr(
        value, "getlist"
    ):  # a form; the merchant's own fields of the same name come after the service's
        children = value.getlist(step)[:1]
    else:
        children = [value.get(step)] if hasattr(value, "get") else []
    for child in children:
        if isinstance(child, list):
            yield from child
        elif child is not None:
            yield child


# RFC 5965 and 6591: what a mailbox provider's feedback can be, apart from the person's complaint.
_NOT_A_COMPLAINT: Mapping[str, Meaning] = {"not-spam": None, "auth-failure": None, "virus": None}


def _left_a_topic(report: Any) -> Kind | None:
    """Whether an Amazon subscriber opted out of a topic just now; the report lists all topics, before and after."""
    before = _topics_opted_out(report, "oldTopicPreferences")
    return Kind.UNSUBSCRIBE if _topics_opted_out(report, "newTopicPreferences") - before else None


def _topics_opted_out(report: Any, preferences: str) -> set[str]:
    topics = values_at(report, f"subscription.{preferences}.topicSubscriptionStatus")
    return {
        str(topic.get("topicName"))
        for topic in topics
        if isinstance(topic, dict) and topic.get("subscriptionStatus") == "OptOut"
    }


_AMAZON_SES: Mapping[str, Meaning] = {
    "Bounce": By(
        "bounce.bounceType",
        {
            "Permanent": By(
                "bounce.bounceSubType", {"UnsubscribedRecipient": Kind.UNSUBSCRIBE}, Kind.HARD_BOUNCE
            )
        },
        Kind.SOFT_BOUNCE,
    ),
    "Complaint": By("complaint.complaintFeedbackType", _NOT_A_COMPLAINT, Kind.COMPLAINT),
    "Delivery": Kind.DELIVERED,
    "Subscription": By(
        "subscription.newTopicPreferences.unsubscribeAll", {"true": Kind.UNSUBSCRIBE}, _left_a_topic
    ),
}
AMAZON_SES = By("eventType", _AMAZON_SES, By("notificationType", _AMAZON_SES))

# Transactional and marketing emails; `blocked` does not say why.
BREVO = By(
    "event",
    {
        "hard_bounce": Kind.HARD_BOUNCE,
        "invalid_email": Kind.HARD_BOUNCE,
        "soft_bounce": Kind.SOFT_BOUNCE,
        "spam": Kind.COMPLAINT,
        "complaint": Kind.COMPLAINT,
        "unsubscribe": Kind.UNSUBSCRIBE,
        "unsubscribed": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
)

MAILERSEND = By(
    "data.type",
    {
        "hard_bounced": Kind.HARD_BOUNCE,
        "soft_bounced": Kind.SOFT_BOUNCE,
        "spam_complaint": Kind.COMPLAINT,
        "unsubscribed": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
)

_MAILGUN_FAILED = By(
    "event-data.reason",
    {
        "suppress-bounce": Kind.HARD_BOUNCE,
        "suppress-complaint": Kind.COMPLAINT,
        "suppress-unsubscribe": Kind.UNSUBSCRIBE,
    },
    By(
        "event-data.severity",
        {"temporary": None},
        By("event-data.reason", {"bounce": Kind.HARD_BOUNCE}, Kind.SOFT_BOUNCE),
    ),
)
_MAILGUN_LEGACY = By(  # forms instead of JSON
    "event",
    {
        "bounced": Kind.SOFT_BOUNCE,
        "dropped": By(
            "code",
            {"605": Kind.HARD_BOUNCE, "606": Kind.UNSUBSCRIBE, "607": Kind.COMPLAINT},
            Kind.SOFT_BOUNCE,
        ),
        "complained": Kind.COMPLAINT,
        "unsubscribed": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
)
MAILGUN = By(
    "event-data.event",
    {
        "failed": _MAILGUN_FAILED,
        "complained": Kind.COMPLAINT,
        "unsubscribed": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
    _MAILGUN_LEGACY,
)

_MAILJET_GONE = By("hard_bounce", {"false": Kind.SOFT_BOUNCE, "0": Kind.SOFT_BOUNCE}, Kind.HARD_BOUNCE)
# A permanent error can also be about the message or the sender, which says nothing permanent about the address.
_MAILJET_PERMANENT = By(
    "error_related_to",
    dict.fromkeys(("content", "spam", "system", "mailjet"), Kind.SOFT_BOUNCE),
    Kind.HARD_BOUNCE,
)
MAILJET = By(
    "event",
    {
        "bounce": By(
            "hard_bounce",
            {"true": _MAILJET_PERMANENT, "1": _MAILJET_PERMANENT},
            By("error", {"greylisted": None}, Kind.SOFT_BOUNCE),
        ),
        "blocked": By(
            "error",
            {
                "user unknown": _MAILJET_GONE,
                "mailbox inactive": _MAILJET_GONE,
                "invalid domain": _MAILJET_GONE,
                "typofix": _MAILJET_GONE,
                "quota exceeded": Kind.SOFT_BOUNCE,
                "no mail host": Kind.SOFT_BOUNCE,
                "relay/access denied": Kind.SOFT_BOUNCE,
                "preblocked": Kind.SOFT_BOUNCE,  # bounced before, not necessarily permanently
                "spam reporter": Kind.COMPLAINT,
            },
        ),
        "spam": Kind.COMPLAINT,
        "unsub": Kind.UNSUBSCRIBE,
        "sent": Kind.DELIVERED,
    },
)

_MANDRILL_REASONS: Mapping[str, Meaning] = {  # others: what the merchant entered, or the sender's own fault
    "hard-bounce": Kind.HARD_BOUNCE,
    "soft-bounce": Kind.SOFT_BOUNCE,
    "spam": Kind.COMPLAINT,
    "unsub": Kind.UNSUBSCRIBE,
}
_MANDRILL_LISTED = By("action", {"add": By("reject.reason", _MANDRILL_REASONS)})
MANDRILL = By(
    "event",
    {
        "hard_bounce": Kind.HARD_BOUNCE,
        "soft_bounce": Kind.SOFT_BOUNCE,
        "reject": By("msg.reject.reason", _MANDRILL_REASONS, By("reject.reason", _MANDRILL_REASONS)),
        "spam": Kind.COMPLAINT,
        "unsub": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
    By("type", {"blacklist": _MANDRILL_LISTED, "denylist": _MANDRILL_LISTED}),
)

POSTMARK = By(
    "RecordType",
    {
        "Bounce": By(
            "Type",
            {
                "HardBounce": Kind.HARD_BOUNCE,
                "BadEmailAddress": Kind.HARD_BOUNCE,
                "SoftBounce": Kind.SOFT_BOUNCE,
                "Blocked": Kind.SOFT_BOUNCE,
                "SpamNotification": Kind.SOFT_BOUNCE,  # the provider's filter, not the person
                "VirusNotification": Kind.SOFT_BOUNCE,
                "SpamComplaint": Kind.COMPLAINT,
                "Unsubscribe": Kind.UNSUBSCRIBE,  # the person replied so
            },
        ),
        "SpamComplaint": Kind.COMPLAINT,
        "SubscriptionChange": By(
            "SuppressSending",
            {"false": None},
            By(
                "SuppressionReason",
                {
                    "HardBounce": Kind.HARD_BOUNCE,
                    "SpamComplaint": Kind.COMPLAINT,
                    "ManualSuppression": By("Origin", {"Recipient": Kind.UNSUBSCRIBE}),
                },
            ),
        ),
        "Delivery": Kind.DELIVERED,
    },
)

RESEND = By(
    "type",
    {
        "email.bounced": By("data.bounce.type", {"Permanent": Kind.HARD_BOUNCE}, Kind.SOFT_BOUNCE),
        "email.suppressed": Kind.HARD_BOUNCE,  # it does not say why the address is on the list
        "email.complained": Kind.COMPLAINT,
        "email.delivered": Kind.DELIVERED,
        "suppression.added": By("data.origin", {"bounce": Kind.HARD_BOUNCE, "complaint": Kind.COMPLAINT}),
        "contact.updated": By("data.unsubscribed", {"true": Kind.UNSUBSCRIBE}),
        "contact.topics.updated": By("data.topics.subscription", {"opt_out": Kind.UNSUBSCRIBE}),
    },
)

SENDGRID = By(
    "event",
    {
        "bounce": By("type", {"bounce": Kind.HARD_BOUNCE}, Kind.SOFT_BOUNCE),
        "dropped": By(
            "reason",
            {
                "Bounced Address": Kind.HARD_BOUNCE,
                "Invalid": Kind.HARD_BOUNCE,
                "Spam Reporting Address": Kind.COMPLAINT,
                "Unsubscribed Address": Kind.UNSUBSCRIBE,
            },
        ),
        "spamreport": Kind.COMPLAINT,
        "unsubscribe": Kind.UNSUBSCRIBE,
        "group_unsubscribe": Kind.UNSUBSCRIBE,
        "delivered": Kind.DELIVERED,
    },
)

# SparkPost's bounce classes: 25 is the sender's own policy, 60, 80 and 100 are replies.
_SPARKPOST_BOUNCE = By(
    "msys.*.bounce_class",
    {
        "10": Kind.HARD_BOUNCE,
        "30": Kind.HARD_BOUNCE,
        "90": Kind.UNSUBSCRIBE,
        **dict.fromkeys(("25", "60", "80", "100")),
    },
    Kind.SOFT_BOUNCE,
)
# The service itself refused to send: because of the content (50 to 54) or the sender, or because of the address.
_SPARKPOST_REJECTION = By(
    "msys.*.bounce_class",
    {
        "10": Kind.HARD_BOUNCE,
        "30": Kind.HARD_BOUNCE,
        **dict.fromkeys(("20", "21", "22", "23", "24", "40", "70"), Kind.SOFT_BOUNCE),
    },
)
SPARKPOST = By(
    "msys.*.type",
    {
        "bounce": _SPARKPOST_BOUNCE,
        "out_of_band": _SPARKPOST_BOUNCE,
        "policy_rejection": _SPARKPOST_REJECTION,
        "generation_rejection": _SPARKPOST_REJECTION,
        "spam_complaint": By("msys.*.fbtype", _NOT_A_COMPLAINT, Kind.COMPLAINT),
        "list_unsubscribe": Kind.UNSUBSCRIBE,
        "link_unsubscribe": Kind.UNSUBSCRIBE,
        "delivery": Kind.DELIVERED,
    },
)
