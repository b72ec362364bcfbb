"""Saleor's permissions, by the names that the Dashboard gives them."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NAMES = {
    "HANDLE_PAYMENTS": gettext_lazy("Handle payments"),
    "MANAGE_APPS": gettext_lazy("Manage apps"),
    "MANAGE_PRODUCTS": gettext_lazy("Manage products"),
    "MANAGE_USERS": gettext_lazy("Manage customers"),
}


def missing_permission(permission: str) -> str:
    """Say which permission the reader needs, and who can grant it."""
    return _(
        "This requires the permission “%(permission)s”. Ask the person who manages staff "
        "members in Saleor to grant it to you."
    ) % {"permission": NAMES[permission]}
