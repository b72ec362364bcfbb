"""Saleor's global ids: type and key in Base64, such as UHJvZHVjdDoxMzQ= for Product:134."""

import base64
import binascii


def is_id_of(kind: str, text: str) -> bool:
    """Whether the text has the form of a Saleor id of this type."""
    try:
        type_name, colon, key = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    return bool(type_name == kind and colon and key)
