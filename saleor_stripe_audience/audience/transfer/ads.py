"""Lists for advertisers: hashed addresses of those who may be shown ads, and of nobody else.

These are the subscribed; with an audience's `ads_to_buyers` also buyers who never said anything of marketing. Whoever
left, complained, or takes no mail is on no list.

Both take the SHA-256, in small hexadecimal letters, of the address without outer blanks and in small letters:
Meta's customer lists with the header `email` (https://www.facebook.com/business/help/2082575038703844), Google's
Customer Match with the header `Email` (https://support.google.com/google-ads/answer/7659867), where dots and what
follows a plus are taken off addresses of gmail.com and googlemail.com before hashing.
"""

import hashlib
from collections.abc import Callable, Iterator

from django.db.models import Q

from saleor_stripe_audience.audience.people.models import ContactQuerySet
from saleor_stripe_audience.audience.people.status import Purpose, Status, statuses_for
from saleor_stripe_audience.errors import Rejected

AT_ONCE = 5_000
NOTE = (
    "Non-subscribed buyers did not agree to advertising. Putting them on a list takes a legal basis of your own: in "
    "the EEA, the United Kingdom and Switzerland their consent, which Google's EU user consent policy asks for as "
    "well; elsewhere at least a notice in your privacy policy and a way to object. Whoever unsubscribed stays off."
)
WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})


def export_ads(contacts: ContactQuerySet, network: str) -> Iterator[str]:
    """The network's file, streamed; `Rejected` for a network that is not known."""
    if network not in _HEADERS:
        raise Rejected(
            f"There is no list for {network[:30]}. There are: {', '.join(_HEADERS)}.", code="ads_network"
        )
    return _lines(contacts, network)


def _lines(contacts: ContactQuerySet, network: str) -> Iterator[str]:
    form = _FORMS[network]
    yield f"{_HEADERS[network]}\n"
    rows = may_be_shown_ads(contacts).order_by("pk").values_list("pk", "email")
    page = list(rows[:AT_ONCE])
    while page:
        yield "".join(f"{hashlib.sha256(form(email).encode()).hexdigest()}\n" for _pk, email in page)
        page = list(rows.filter(pk__gt=page[-1][0])[:AT_ONCE])


def may_be_shown_ads(contacts: ContactQuerySet) -> ContactQuerySet:
    """Those whose status allows ads, and the non-subscribed buyers of audiences that chose so."""
    buyers = Q(status=Status.NONSUBSCRIBED.value, orders_count__gte=1, audience__ads_to_buyers=True)
    return contacts.filter(Q(status__in=statuses_for(Purpose.ADS)) | buyers)


def _as_kept(email: str) -> str:
    return email  # in small letters and without blanks already


def _for_google(email: str) -> str:
    local, _, domain = email.rpartition("@")
    if domain in WITHOUT_DOTS:
        local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}"


NETWORKS = ("meta", "google")
_HEADERS = {"meta": "email", "google": "Email"}
_FORMS: dict[str, Callable[[str], str]] = {"meta": _as_kept, "google": _for_google}
