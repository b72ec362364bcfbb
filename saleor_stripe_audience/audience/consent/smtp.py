"""Sending by SMTP, also to addresses with letters outside ASCII before the @ (SMTPUTF8, RFC 6531)."""

import email.policy

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp


class UnsupportedAddress(Exception):  # noqa: N818 - it says what happened
    """The mail server only accepts addresses in ASCII."""


class EmailBackend(smtp.EmailBackend):
    """Django's, which refuses such addresses even if the mail server accepts them."""

    def _send(self, email_message: EmailMessage) -> bool:
        recipients, connection = email_message.recipients(), self.connection
        if connection is None or all(address.rpartition("@")[0].isascii() for address in recipients):
            return bool(super()._send(email_message))  # type: ignore[misc]  # the types leave it out
        connection.ehlo_or_helo_if_needed()
        if not connection.has_extn("smtputf8"):
            raise UnsupportedAddress
        options = ["SMTPUTF8"] + (["BODY=8BITMIME"] if connection.has_extn("8bitmime") else [])
        connection.sendmail(
            self.prep_address(email_message.from_email),
            [self.prep_address(address, force_ascii=False) for address in recipients],
            email_message.message(policy=email.policy.SMTPUTF8).as_bytes(),
            mail_options=options,
        )
        return True
