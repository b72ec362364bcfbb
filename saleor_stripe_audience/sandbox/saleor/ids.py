"""Saleor's global ids: base64 of "Type:key"."""

import base64
import binascii


def global_id(type_name: str, key: object) -> str:
    """Return the id as the API shows it."""
    return base64.b64encode(f"{type_name}:{key}".encode()).decode()


def split_id(value: str) -> tuple[str, str] | None:
    """Return the type and key of a global id; None if it is not one."""
    try:
        type_name, separator, key = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (type_name, key) if separator else None


def key_of(value: str | None, *type_names: str) -> str | None:
    """Return the key of a global id of one of these types; None for anything else."""
    parts = split_id(value) if value else None
    return parts[1] if parts and parts[0] in type_names else None
