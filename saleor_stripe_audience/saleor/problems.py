"""What the merchant must mend: found by the app, shown on its page, gone by itself once it is mended."""

from saleor_stripe_audience.saleor.models import Installation, Problem


def report(installation: Installation, key: str, message: str) -> None:
    """The problem is there, in these words; it keeps the time at which it was first found."""
    Problem.objects.update_or_create(installation=installation, key=key, defaults={"message": message})


def clear(installation: Installation, key: str) -> None:
    """The problem is not, or no longer, there."""
    Problem.objects.filter(installation=installation, key=key).delete()


def report_or_clear(installation: Installation, key: str, message: str) -> None:
    """The problem is there if `message` says so, and gone if it is empty."""
    if message:
        report(installation, key, message)
    else:
        clear(installation, key)
