"""What staff read who lack a permission."""

from django.utils.translation import gettext as _

from saleor_stripe_audience.saleor.permissions import NAMES


def missing_permission(permission: str) -> str:
    """Say which permission the reader needs, and who can grant it."""
    return _(
        "This requires the permission “%(permission)s”. Ask the person who manages staff "
        "members in Saleor to grant it to you."
    ) % {"permission": NAMES[permission]}
