"""Which mailbox an address leads to: many spellings can reach the same one. Used for rate limits only.

Contacts keep the address as it was entered, because two people may share a mailbox. What each provider ignores is from
its own help pages: Gmail (support.google.com/mail/answer/7436150), Outlook.com (support.microsoft.com, "plus
addressing"), iCloud (support.apple.com/102548), Fastmail (fastmail.help, "plus addressing and subdomain
addressing"), Proton (proton.me/support/addresses-and-aliases), Yahoo (help.yahoo.com, "disposable addresses"),
Yandex (yandex.com/support/mail, "aliases").
"""

import hashlib
import hmac
from dataclasses import dataclass

from saleor_stripe_audience.audience.people.secret import secret_of
from saleor_stripe_audience.shops.models import Installation


@dataclass(frozen=True, slots=True)
class _Provider:
    """`domain` stands for all of the provider's domains; `ignored` characters and all after `tag` do not count."""

    domain: str
    ignored: str = ""
    tag: str = "+"
    has_subdomains: bool = False


# Most other mail servers also deliver ada+news@ to ada@. For a limit, too few mailboxes are safer than too many.
_ELSEWHERE = _Provider("")
_GMAIL = _Provider("gmail.com", ignored=".")
_PROTON = _Provider("proton.me", ignored=".-_")
_YAHOO = _Provider("", tag="-")
_FASTMAIL = _Provider("", has_subdomains=True)
_YANDEX = _Provider("yandex.ru", ignored=".-")

_PROVIDERS = {
    "gmail.com": _GMAIL,
    "googlemail.com": _GMAIL,
    "proton.me": _PROTON,
    "protonmail.com": _PROTON,
    "protonmail.ch": _PROTON,
    "pm.me": _PROTON,
    "fastmail.com": _FASTMAIL,
    "fastmail.fm": _FASTMAIL,
    "me.com": _Provider("icloud.com"),
    "mac.com": _Provider("icloud.com"),
    **dict.fromkeys(("ya.ru", "yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua"), _YANDEX),
    **dict.fromkeys(
        ("yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.es", "ymail.com", "rocketmail.com"),
        _YAHOO,
    ),
}  # fmt: skip


def mailbox_of(address: str) -> str:
    """Return the canonical spelling of the mailbox that a normalized address leads to."""
    local, _, domain = address.rpartition("@")
    if (parent := domain.partition(".")[2]) in _PROVIDERS and _PROVIDERS[parent].has_subdomains:
        return f"{domain.partition('.')[0]}@{parent}"  # anything@ada.fastmail.com is ada@fastmail.com
    provider = _PROVIDERS.get(domain, _ELSEWHERE)
    name = local.partition(provider.tag)[0] or local
    plain = "".join(character for character in name if character not in provider.ignored)
    return f"{plain or name}@{provider.domain or domain}"


def mailbox_digest(installation: Installation, address: str) -> str:
    """Return the mailbox as limits store it: an HMAC with the shop's secret, so that no address is stored."""
    message = f"mailbox:{mailbox_of(address)}"
    return hmac.new(secret_of(installation).encode(), message.encode(), hashlib.sha256).hexdigest()
