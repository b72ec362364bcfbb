"""Invalidate the links in emails to a person, except for unsubscribing; for example, if other people have them."""

import argparse
from collections.abc import Sequence

from django.db.models import Q

from saleor_stripe_audience.audience.consent import links
from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.client import get_installation


def run(arguments: Sequence[str]) -> int:
    """Renew the links of the person's contacts in all audiences; prints how many. New emails have new links."""
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience renew-links", description=__doc__)
    parser.add_argument("--saleor-api-url", required=True, metavar="URL", help="the shop's API URL")
    parser.add_argument("--email", required=True, help="an address that the person has or had")
    options = parser.parse_args(arguments)
    address = normalize_email(options.email)
    contacts = Contact.objects.filter(audience__installation=get_installation(options.saleor_api_url))
    found = list(contacts.filter(Q(email=address) | Q(former_addresses__email=address)).distinct())
    if not found:
        raise Rejected("The shop has no contact with this address.", code="not_found")
    for contact in found:
        links.renew(contact)
    print(f"The links of {len(found)} contacts are renewed.")
    return 0
