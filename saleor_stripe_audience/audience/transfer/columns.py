"""Which column of a CSV file is what: chosen by the merchant, or known by its usual names."""

from collections.abc import Mapping, Sequence

from saleor_stripe_audience.errors import Rejected

# Ours, and how files of others call it: Mailchimp's, Stripe's and Saleor's exports among them.
KNOWN = {
    "email": ("email", "email address", "e-mail", "e-mail address", "mail", "customer email"),
    "first_name": ("first_name", "first name", "fname", "firstname", "given name"),
    "last_name": ("last_name", "last name", "lname", "lastname", "surname", "family name"),
    "phone": ("phone", "phone number", "telephone"),
    "country": ("country", "country code", "cc"),
    "language": ("language", "language code", "preferred language"),
    "tags": ("tags", "tag"),
    "status": ("status",),
    "consent": ("consent", "marketing_consent"),
    "consent_at": ("consent_at", "consent date", "optin_time"),
    "consent_text": ("consent_text", "consent wording"),
    "consent_source": ("consent_source", "consent origin"),
    "consent_ip": ("consent_ip", "optin_ip"),
}


def columns_of(header: Sequence[str], chosen: Mapping[str, str]) -> dict[str, int]:
    """Where each of ours stands in the file; what was not chosen is found by its usual names.

    `Rejected` for a column that the file does not have, a field that there is not, and a file without addresses.
    """
    places: dict[str, int] = {}
    named = [name.strip() for name in header]
    for ours, theirs in chosen.items():
        if ours not in KNOWN:
            raise Rejected(
                f"There is no field {ours[:50]}. There are: {', '.join(KNOWN)}.", code="import_column"
            )
        if theirs.strip() not in named:
            raise Rejected(
                f"The file has no column {theirs[:50]}. It has: {', '.join(named)[:300]}.",
                code="import_column",
            )
        places[ours] = named.index(theirs.strip())
    lowered = [name.lower() for name in named]
    for ours, usual in KNOWN.items():
        found = [lowered.index(name) for name in usual if name in lowered]
        if ours not in places and found and found[0] not in places.values():
            places[ours] = found[0]
    if "email" not in places:
        raise Rejected(
            f"The file has no column of addresses. Say which it is; it has: {', '.join(named)[:300] or 'none'}.",
            code="import_column",
        )
    return places
