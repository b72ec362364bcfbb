"""What a contact chose, and where, in the reader's words: the ledger has codes, some of them the storefront's own."""

import re

from django.utils.translation import gettext_lazy

from saleor_stripe_audience.audience.consent.deliveries.event_types import Kind as Report
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.wording import Wording

CHOICES: dict[str, Wording] = {
    Consent.Kind.GIVEN: gettext_lazy("Agreed"),
    Consent.Kind.CONFIRMED: gettext_lazy("Confirmed"),
    Consent.Kind.WITHDRAWN: gettext_lazy("Withdrew"),
}
SOFT_OPT_IN = gettext_lazy("Did not refuse (soft opt-in)")
SOURCES: dict[str, Wording] = {
    Consent.Source.CHECKOUT: gettext_lazy("at the checkout"),
    Consent.Source.ACCOUNT: gettext_lazy("in the account"),
    Consent.Source.STOREFRONT: gettext_lazy("in the storefront"),
    Consent.Source.MAIL: gettext_lazy("by email"),
    Consent.Source.IMPORT: gettext_lazy("by import"),
    Consent.Source.STAFF: gettext_lazy("recorded by staff"),
    Consent.Source.MAILCHIMP: gettext_lazy("in Mailchimp"),
}
# What the app itself and Saleor's reference storefront write as the detail of a source.
PLACES: dict[str, Wording] = {
    "one click": gettext_lazy("With the email program's unsubscribe button"),
    "preference page": gettext_lazy("On the preference page"),
    "checkout_contact": gettext_lazy("In the contact details"),
}
REPORTS: dict[str, Wording] = {
    Report.COMPLAINT: gettext_lazy("Spam complaint, reported by %(service)s"),
    Report.UNSUBSCRIBE: gettext_lazy("Unsubscribed, reported by %(service)s"),
}
SERVICES = {
    "amazon-ses": "Amazon SES",
    "brevo": "Brevo",
    "mailersend": "MailerSend",
    "mailgun": "Mailgun",
    "mailjet": "Mailjet",
    "mandrill": "Mandrill",
    "postmark": "Postmark",
    "resend": "Resend",
    "sendgrid": "SendGrid",
    "sparkpost": "SparkPost",
}
_REPORTED = re.compile(r"(?P<kind>\w+) reported by (?P<service>[\w-]+)")  # see consent.deliveries.record
_CODE = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)+")


def choice_of(consent: Consent) -> Wording:
    is_soft = consent.basis == Consent.Basis.SOFT_OPT_IN and consent.kind == Consent.Kind.GIVEN
    return SOFT_OPT_IN if is_soft else CHOICES[consent.kind]


def place_of(consent: Consent) -> str:
    """Return the detail of the source; empty if it has none, or says no more than the source.

    Storefronts write their own: a text is shown as it is, a code such as footer_form as the words in it.
    """
    detail = consent.source_detail
    if detail in PLACES:
        return str(PLACES[detail])
    if detail.lower() == consent.source:
        return ""
    if (reported := _REPORTED.fullmatch(detail)) and reported["kind"] in REPORTS:
        service = SERVICES.get(reported["service"], reported["service"])
        return str(REPORTS[reported["kind"]]) % {"service": service}
    if _CODE.fullmatch(detail):
        return re.sub("[_-]", " ", detail).capitalize()
    return detail
