"""Saleor's permissions, by the names that the Dashboard gives them."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.wording import listed

NAMES: dict[str, Promise] = {
    "HANDLE_PAYMENTS": pgettext_lazy("staff", "Handle payments"),
    "MANAGE_APPS": pgettext_lazy("staff", "Manage apps"),
    "MANAGE_CHECKOUTS": pgettext_lazy("staff", "Manage checkouts"),
    "MANAGE_ORDERS": pgettext_lazy("staff", "Manage orders"),
    "MANAGE_PRODUCTS": pgettext_lazy("staff", "Manage products"),
    "MANAGE_USERS": pgettext_lazy("staff", "Manage customers"),
}


def names_of(permissions: Iterable[str]) -> Promise:
    """Return the names of the permissions, not translated yet; one that is unknown here keeps Saleor's code."""
    return listed([NAMES.get(each, each) for each in permissions])
