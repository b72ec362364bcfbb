"""Everything that is held about one person, for that person: the right of access, as JSON."""

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q

from saleor_stripe_audience.audience.people.addresses import normalised
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy import erasure, stored_events
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def export(installation: Installation, email: str) -> Json:
    """All that the shop's audiences hold of whoever has or had the address; `Rejected` if it is none.

    Whatever hangs on a contact is in it, also what is added to the app one day: relations are followed, not listed.
    """
    address = normalised(email)
    contacts = Contact.objects.filter(audience__installation=installation)
    found = contacts.filter(Q(email=address) | Q(former_addresses__email=address)).distinct()
    told = {
        "address": address,
        "is_erased": erasure.is_erased(installation, address),
        "contacts": [_told(contact) for contact in found.order_by("created_at", "pk")],
        "events": list(_events(installation, address, list(found))),
    }
    whole: Json = json.loads(json.dumps(told, cls=DjangoJSONEncoder))
    return whole


def _events(installation: Installation, address: str, contacts: list[Contact]) -> Iterator[Json]:
    """What Saleor and Stripe told of the person, as far as it is still kept."""
    addresses = {address}
    for contact in contacts:
        addresses |= {contact.email, *contact.former_addresses.values_list("email", flat=True)}
    ids = [contact.saleor_user_id for contact in contacts if contact.saleor_user_id]
    for event in stored_events.mentioning(installation, addresses, ids):
        yield {
            "source": event.source,
            "kind": event.kind,
            "occurred_at": event.occurred_at,
            "received_at": event.received_at,
            "payload": event.payload,
        }


def _told(row: Model) -> Json:
    """The row's own columns, and every row that hangs on it."""
    fields = {field.name: _value(row, field) for field in row._meta.concrete_fields}  # noqa: SLF001 - Django documents _meta
    for relation in row._meta.related_objects:  # noqa: SLF001 - as above
        name = relation.get_accessor_name()
        if name is None or relation.many_to_many:
            continue
        kept = relation.related_model._default_manager.filter(**{relation.field.name: row})  # noqa: SLF001 - as above
        rows = [_told(each) for each in kept.order_by("pk")]
        if rows:
            fields[name] = rows
    return fields


def _value(row: Model, field: Any) -> Any:
    """The column; of a row pointed at, how that row calls itself."""
    if field.is_relation:
        other = getattr(row, field.name)
        return None if other is None else (getattr(other, "text", None) or str(other))
    return field.value_from_object(row)
