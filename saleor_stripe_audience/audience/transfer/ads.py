"""Lists for advertisers: hashed addresses of the contacts who may be shown ads.

These are subscribers and, with an audience's `ads_to_buyers`, buyers who have never made a choice about marketing.
People who unsubscribed, complained or cannot receive emails are never on a list.

Both networks take the SHA-256, in lower-case hexadecimal, of the trimmed, lower-case address: Meta's customer lists
with the header `email` (https://www.facebook.com/business/help/2082575038703844), Google's Customer Match with the
header `Email` (https://support.google.com/google-ads/answer/7659867), which also requires removing dots and everything
after a plus from gmail.com and googlemail.com addresses before hashing.
"""

import hashlib
from collections.abc import Callable, Iterator

from django.db.models import Q
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.audience.people.models import ContactQuerySet
from saleor_stripe_audience.audience.people.status import Purpose, Status, statuses_for
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.wording import with_values

BATCH_SIZE = 5_000
NOTE = (
    "Non-subscribed buyers did not agree to advertising. To put them on a list you need a legal basis of your own: in "
    "the EEA, the United Kingdom and Switzerland their consent, which Google's EU user consent policy also requires; "
    "elsewhere at least a notice in your privacy policy and a way to object. Nobody who unsubscribed is included."
)
WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})


def export_ads(contacts: ContactQuerySet, network: str) -> Iterator[str]:
    """Stream the network's file. `Rejected` for an unknown network."""
    if network not in _HEADERS:
        raise Rejected(
            with_values(
                pgettext_lazy("staff", "There is no list for {network}. There are: {known}."),
                network=network[:30],
                known=", ".join(_HEADERS),
            ),
            code="ads_network",
        )
    return _lines(contacts, network)


def _lines(contacts: ContactQuerySet, network: str) -> Iterator[str]:
    normalize = _NORMALIZERS[network]
    yield f"{_HEADERS[network]}\n"
    rows = may_be_shown_ads(contacts).order_by("pk").values_list("pk", "email")
    page = list(rows[:BATCH_SIZE])
    while page:
        yield "".join(f"{hashlib.sha256(normalize(email).encode()).hexdigest()}\n" for _pk, email in page)
        page = list(rows.filter(pk__gt=page[-1][0])[:BATCH_SIZE])


def may_be_shown_ads(contacts: ContactQuerySet) -> ContactQuerySet:
    """Filter contacts whose status allows ads, and non-subscribed buyers of audiences with `ads_to_buyers`."""
    buyers = Q(status=Status.NONSUBSCRIBED.value, orders_count__gte=1, audience__ads_to_buyers=True)
    return contacts.filter(Q(status__in=statuses_for(Purpose.ADS)) | buyers)


def _unchanged(email: str) -> str:
    return email  # stored addresses are already trimmed and in lower case


def _without_gmail_variants(email: str) -> str:
    local, _, domain = email.rpartition("@")
    if domain in WITHOUT_DOTS:
        local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}"


NETWORKS = ("meta", "google")
_HEADERS = {"meta": "email", "google": "Email"}
_NORMALIZERS: dict[str, Callable[[str], str]] = {"meta": _unchanged, "google": _without_gmail_variants}
