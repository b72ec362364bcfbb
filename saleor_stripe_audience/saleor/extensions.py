"""Where the app appears in Saleor's Dashboard besides its own page: in the menu, on an order's or a customer's page.

A manifest lists them by name. Saleor reads it at the installation only, so an app that was installed earlier gets them
when it is installed again.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from saleor_stripe_audience.saleor.documents import Version
from saleor_stripe_audience.wording import for_staff

PAGE = "APP_PAGE"
WIDGET = "WIDGET"


@dataclass(frozen=True, slots=True)
class Extension:
    """One of them: `path` is its address below the app's page, `permission` what its reader and the app need.

    `since` is the first version of Saleor that knows the mount and the target: an older one refuses the manifest.
    """

    label: str | Promise
    mount: str
    path: str
    permission: str
    target: str = PAGE
    since: Version = (3, 21)


EXTENSIONS = {
    "payments": Extension(
        pgettext_lazy("staff", "Stripe payments"), "NAVIGATION_ORDERS", "/payments", "HANDLE_PAYMENTS"
    ),
    "contacts": Extension(
        pgettext_lazy("staff", "Contacts"), "NAVIGATION_CUSTOMERS", "/contacts", "MANAGE_USERS"
    ),
    "segments": Extension(
        pgettext_lazy("staff", "Segments"), "NAVIGATION_CUSTOMERS", "/segments", "MANAGE_USERS"
    ),
    "order": Extension(
        pgettext_lazy("staff", "Stripe payment"),
        "ORDER_DETAILS_WIDGETS",
        "/widgets/order",
        "HANDLE_PAYMENTS",
        WIDGET,
        since=(3, 22),
    ),
    "customer": Extension(
        pgettext_lazy("staff", "Contact"),
        "CUSTOMER_DETAILS_WIDGETS",
        "/widgets/customer",
        "MANAGE_USERS",
        WIDGET,
        since=(3, 22),
    ),
}


def extension(name: str, page_url: str) -> dict[str, Any]:
    """The extension as the manifest has it; `page_url` is that of the app's page."""
    found = EXTENSIONS[name]
    fields: dict[str, Any] = {
        "label": for_staff(found.label),
        "mount": found.mount,
        "target": found.target,
        "url": found.path,
        "permissions": [found.permission],
    }
    if found.target == WIDGET:
        # The Dashboard joins a path to the page's address with one slash too many, and would post the token to it.
        fields["url"] = page_url.rstrip("/") + found.path
        fields["options"] = {"widgetTarget": {"method": "GET"}}
    return fields


def is_known(name: str, version: Version) -> bool:
    """Whether that version of Saleor accepts the extension."""
    return EXTENSIONS[name].since <= version
