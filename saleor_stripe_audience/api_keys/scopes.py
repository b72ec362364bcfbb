"""What a key gives access to: reading or writing one of four domains. Writing includes reading."""

from collections.abc import Iterable

from saleor_stripe_audience.errors import Rejected

DOMAINS = {
    "payments": "HANDLE_PAYMENTS",
    "audience": "MANAGE_USERS",
    "catalogue": "MANAGE_PRODUCTS",
    "settings": "MANAGE_APPS",
}  # with the staff permission that gives the same access
EVERYTHING_READ = frozenset(f"{domain}:read" for domain in DOMAINS)
EVERYTHING = EVERYTHING_READ | {f"{domain}:write" for domain in DOMAINS}


def checked(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes as a set; `Rejected` names those that do not exist, or if there are none."""
    wanted = frozenset(scopes)
    if unknown := sorted(wanted - EVERYTHING):
        raise Rejected(
            f"There is no scope {', '.join(unknown)[:200]}. There are: {', '.join(sorted(EVERYTHING))}.",
            code="unknown_scope",
        )
    if not wanted:
        raise Rejected("A key without a scope is useless. Give it at least one.", code="no_scope")
    return wanted


def opens(scopes: frozenset[str], wanted: str) -> bool:
    """Return whether these scopes include the requested one."""
    domain, _, kind = wanted.partition(":")
    return wanted in scopes or (kind == "read" and f"{domain}:write" in scopes)


def of_permissions(permissions: Iterable[str]) -> frozenset[str]:
    """Return the scopes of a staff member, from their permissions in the shop."""
    may = set(permissions)
    return frozenset(
        f"{domain}:{kind}"
        for domain, permission in DOMAINS.items()
        if permission in may
        for kind in ("read", "write")
    )
