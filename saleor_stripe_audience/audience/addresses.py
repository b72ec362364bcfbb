"""E-mail addresses in the one form in which they are compared and kept."""

from email_validator import EmailNotValidError, validate_email

from saleor_stripe_audience.errors import Rejected


def normalised(address: str | None) -> str:
    """The address in small letters, its domain as IDNA's ASCII; `Rejected` if it is none.

    Whether a mailbox answers is not asked: that would need the network, and a purchase was made under it
    anyway. The part before the @ is put in small letters too: people mix them, and mailboxes do not care.
    """
    try:
        # test_environment lets the reserved names ending in .test through: demos and trial shops use them.
        found = validate_email((address or "").strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Rejected(
            "The e-mail address is missing or not one that can be written to. Correct it on the order or "
            "on the customer in Saleor's Dashboard; the next change there is taken over.",
            code="email_invalid",
        ) from None
    return f"{found.local_part}@{found.ascii_domain}".lower()
