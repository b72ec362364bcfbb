"""Who is using the app's page: the token that Saleor signs for a staff member and this app."""

from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import GuestProtocol, RSAKey

from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.signatures import key_of
from saleor_stripe_audience.shops.models import Installation

LONGEST_TOKEN = 16_384  # characters; a token with every permission has about 2,500
EXPIRED = "expired_token"  # a code: the token was valid
MESSAGE = "Your Saleor session has expired. Open this page again from Saleor's Dashboard."
CLOCK_SKEW = 30  # seconds that Saleor's clock and ours may differ


@dataclass(frozen=True, slots=True)
class DashboardUser:
    """A staff member of the shop; `permissions` are the person's own in the shop, `id` is Saleor's of the person.

    With the `token`, the app can ask Saleor as this person.
    """

    installation: Installation
    email: str
    permissions: frozenset[str]
    id: str
    token: str = field(default="", repr=False, compare=False)

    def may(self, permission: str) -> bool:
        return permission in self.permissions


def verify_dashboard_token(saleor_api_url: str, token: str) -> DashboardUser:
    """The staff member that the token was issued for. `Rejected` unless it is the shop's, for this app, and valid.

    `KeysUnavailable` if the shop's key of that id cannot be fetched now.
    """
    installation = Installation.objects.filter(saleor_api_url=saleor_api_url, is_active=True).first()
    if installation is None or not token or len(token) > LONGEST_TOKEN:
        raise _refused()
    claims = _verify_claims(installation, token)
    if claims.get("is_staff") is not True:
        raise _refused()
    permissions = claims.get("user_permissions")
    named = permissions if isinstance(permissions, list) else []
    return DashboardUser(
        installation=installation,
        email=str(claims.get("email") or ""),
        permissions=frozenset(each for each in named if isinstance(each, str)),
        id=str(claims.get("user_id") or ""),
        token=token,
    )


def _verify_claims(installation: Installation, token: str) -> dict[str, Any]:
    def key(signature: GuestProtocol) -> RSAKey:
        header = signature.headers()
        # The app chooses the algorithm, not the token; it is checked before any key is.
        if header.get("alg") != "RS256" or not isinstance(header.get("kid"), str):
            raise _refused()
        public = key_of(installation, header["kid"])
        return RSAKey(public, public)

    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"]).claims
        _VALID_NOW.validate(claims)
    except ExpiredTokenError:
        raise Rejected(MESSAGE, code=EXPIRED) from None
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _refused() from None
    # A staff member's own token (type "access") gives access to the whole shop: it is never accepted.
    required = {"iss": installation.saleor_api_url, "type": "thirdparty", "app": installation.app_id}
    if any(claims.get(name) != value for name, value in required.items()):
        raise _refused()
    return claims


_VALID_NOW = jwt.JWTClaimsRegistry(leeway=CLOCK_SKEW, exp={"essential": True})


class SessionExpired(Rejected):
    """Saleor itself does not accept the token any more, such as in the seconds that its clock is ahead of ours."""


def _refused() -> Rejected:
    return Rejected(MESSAGE, code="invalid_token")
