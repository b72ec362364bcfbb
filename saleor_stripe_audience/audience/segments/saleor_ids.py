"""Saleor's ids: the kind of a thing and its key, in base64, such as UHJvZHVjdDoxMzQ= for Product:134."""

import base64
import binascii


def is_id_of(kind: str, text: str) -> bool:
    """Whether the text has the form of Saleor's id of a thing of that kind."""
    try:
        named, colon, key = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return False
    return bool(named == kind and colon and key)
