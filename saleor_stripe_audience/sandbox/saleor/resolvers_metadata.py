"""The metadata of every record, and the mutations that change it; a change without effect emits no event."""

from typing import Any

from .access import Call, Info, call_of, denied
from .changes import metadata_changed
from .fields import Refused, mutation, resolves
from .ids import split_id
from .state import App, Record, User

_WRITERS = {
    "Product": ("MANAGE_PRODUCTS",),
    "ProductVariant": ("MANAGE_PRODUCTS",),
    "Category": ("MANAGE_PRODUCTS",),
    "Collection": ("MANAGE_PRODUCTS",),
    "Order": ("MANAGE_ORDERS",),
    "OrderLine": ("MANAGE_ORDERS",),
    "Checkout": ("MANAGE_CHECKOUTS",),
    "CheckoutLine": ("MANAGE_CHECKOUTS",),
    "User": ("MANAGE_USERS",),
    "Address": ("MANAGE_USERS",),
    "App": ("MANAGE_APPS",),
    "TransactionItem": ("HANDLE_PAYMENTS",),
    "Channel": ("MANAGE_CHANNELS",),
}
# Storefronts can write the metadata of these until they are completed.
_PUBLIC = frozenset({"Checkout", "CheckoutLine"})


def items(values: dict[str, str]) -> list[dict[str, str]]:
    """Return metadata as the API shows it: sorted by key, as recorded."""
    return [{"key": key, "value": values[key]} for key in sorted(values)]


def metadata_from(given: list[dict[str, str]] | None, field: str = "metadata") -> dict[str, str]:
    """Return MetadataInput as a mapping; refuse blank keys."""
    if any(not entry["key"].strip() for entry in given or ()):
        raise Refused(field, "REQUIRED", "Metadata key cannot be empty.")
    return {entry["key"].strip(): entry["value"] for entry in given or ()}


def _held(source: Any, name: str) -> dict[str, str]:
    record = source.get("_record") if isinstance(source, dict) else source
    found: dict[str, str] = getattr(record, name, {})
    return found


@resolves("*", "metadata")
def metadata(source: Any, _info: Info) -> list[dict[str, str]]:
    return items(_held(source, "metadata"))


@resolves("*", "metafield")
def metafield(source: Any, _info: Info, key: str) -> str | None:
    return _held(source, "metadata").get(key)


@resolves("*", "metafields")
def metafields(source: Any, _info: Info, keys: list[str] | None = None) -> dict[str, str]:
    held = _held(source, "metadata")
    return {key: value for key, value in held.items() if keys is None or key in keys}


def _private(source: Any, info: Info) -> dict[str, str]:
    call = call_of(info)
    # Saleor no longer finds a deleted customer when it looks up who may read this.
    if isinstance(source, User) and source.deleted:
        raise denied()
    if not _may_write(call, source):
        raise denied(*_WRITERS.get(info.parent_type.name, ()))
    return _held(source, "private_metadata")


def _may_write(call: Call, source: Any) -> bool:
    if isinstance(source, App) and call.app is source:
        return True
    permissions = _WRITERS.get(getattr(source, "type_name", ""))
    return call.is_staff if permissions is None else call.may(*permissions)


@resolves("*", "privateMetadata")
def private_metadata(source: Any, info: Info) -> list[dict[str, str]]:
    return items(_private(source, info))


@resolves("*", "privateMetafield")
def private_metafield(source: Any, info: Info, key: str) -> str | None:
    return _private(source, info).get(key)


@resolves("*", "privateMetafields")
def private_metafields(source: Any, info: Info, keys: list[str] | None = None) -> dict[str, str]:
    return {key: value for key, value in _private(source, info).items() if keys is None or key in keys}


def _record(call: Call, given: str) -> Record:
    parts = split_id(given)
    store = call.host.store
    holders: dict[str, list[Any]] = {
        "Product": store.products,
        "ProductVariant": store.variants(),
        "Category": store.categories,
        "Collection": store.collections,
        "Order": store.orders,
        "Checkout": store.checkouts,
        "User": store.users,
        "App": store.installed(),
        "TransactionItem": store.transactions,
        "Channel": store.channels,
    }
    if parts is not None:
        for record in holders.get(parts[0], []):
            if record.key == parts[1]:
                found: Record = record
                return found
    raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")


def _written(info: Info, given: str, private: bool) -> Record:
    call = call_of(info)
    record = _record(call, given)
    open_to_all = record.type_name in _PUBLIC and not private
    if not open_to_all and not _may_write(call, record):
        raise denied(*_WRITERS[record.type_name])
    return record


def _store(info: Info, record: Record, private: bool, values: dict[str, str]) -> dict[str, Any]:
    name = "private_metadata" if private else "metadata"
    if getattr(record, name) != values:
        setattr(record, name, values)
        metadata_changed(call_of(info), record)
    return {"item": record}


@mutation("updateMetadata")
def update_metadata(_root: Any, info: Info, *, id_: str, input_: list[dict[str, str]]) -> dict[str, Any]:
    record = _written(info, id_, private=False)
    return _store(info, record, False, {**record.metadata, **metadata_from(input_, "input")})


@mutation("updatePrivateMetadata")
def update_private_metadata(
    _root: Any, info: Info, *, id_: str, input_: list[dict[str, str]]
) -> dict[str, Any]:
    record = _written(info, id_, private=True)
    return _store(info, record, True, {**record.private_metadata, **metadata_from(input_, "input")})


@mutation("deleteMetadata")
def delete_metadata(_root: Any, info: Info, *, id_: str, keys: list[str]) -> dict[str, Any]:
    record = _written(info, id_, private=False)
    kept = {key: value for key, value in record.metadata.items() if key not in keys}
    return _store(info, record, False, kept)
