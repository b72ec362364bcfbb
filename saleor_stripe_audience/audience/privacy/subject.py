"""A person's right of access: all data stored about them, as JSON."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from saleor_stripe_audience.audience.people.addresses import normalize_email
from saleor_stripe_audience.audience.privacy import erasure, stored_events
from saleor_stripe_audience.shops import people
from saleor_stripe_audience.shops.models import Installation

Json = dict[str, Any]


def export(installation: Installation, email: str) -> Json:
    """Return all data that the shop has about the holder of the address: of the person that `erase` would erase.

    Everything related to a contact is included, including what later versions of the app add: relations are followed,
    not listed. So is what other packages store about the contact's orders. `Rejected` for an invalid address.
    """
    address = normalize_email(email)
    traces = erasure.traces_of(installation, address)
    found = sorted(traces.contacts.values(), key=lambda contact: (contact.created_at, contact.pk))
    data = {
        "address": address,
        "is_erased": erasure.is_erased(installation, address),
        "contacts": [_serialize(contact) for contact in found],
        "events": [
            {
                "source": event.source,
                "kind": event.kind,
                "occurred_at": event.occurred_at,
                "received_at": event.received_at,
                "payload": event.payload,
            }
            for event in stored_events.find_own(erasure.names_in_events(installation, traces))
        ],
        **people.export(installation, erasure.sources_of(found)),
    }
    plain: Json = json.loads(json.dumps(data, cls=DjangoJSONEncoder))
    return plain


def _serialize(row: Model) -> Json:
    """Return the row's columns and, recursively, all rows that refer to it."""
    fields = {field.name: _value(row, field) for field in row._meta.concrete_fields}  # noqa: SLF001 - Django documents _meta
    for relation in row._meta.related_objects:  # noqa: SLF001 - as above
        name = relation.get_accessor_name()
        if name is None or relation.many_to_many:
            continue
        related = relation.related_model._default_manager.filter(**{relation.field.name: row})  # noqa: SLF001 - as above
        rows = [_serialize(each) for each in related.order_by("pk")]
        if rows:
            fields[name] = rows
    return fields


def _value(row: Model, field: Any) -> Any:
    """Return the column's value; for a foreign key, the text or name of the row that it refers to."""
    if field.is_relation:
        other = getattr(row, field.name)
        return None if other is None else (getattr(other, "text", None) or str(other))
    return field.value_from_object(row)
