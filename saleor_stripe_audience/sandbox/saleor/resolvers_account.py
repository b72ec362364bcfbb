"""Users: sign-in, customers, addresses."""

import time
from typing import Any

from . import changes
from .access import Call, Info, call_of, denied, needs
from .fields import Refused, mutation, resolves
from .paging import connection
from .resolvers_metadata import metadata_from
from .resolvers_query import by_id, country_view
from .state import Address, Channel, User, now

ACCESS_SECONDS = 300


def address_from(given: dict[str, Any] | None) -> Address | None:
    """Return the address from AddressInput; cities are stored in upper case, as Saleor does for some countries."""
    if given is None:
        return None
    address = Address(
        first_name=given.get("firstName") or "",
        last_name=given.get("lastName") or "",
        company_name=given.get("companyName") or "",
        street_address_1=given.get("streetAddress1") or "",
        street_address_2=given.get("streetAddress2") or "",
        city=(given.get("city") or "").upper(),
        city_area=given.get("cityArea") or "",
        postal_code=given.get("postalCode") or "",
        country=given.get("country") or "US",
        country_area=given.get("countryArea") or "",
        phone=given.get("phone") or "",
    )
    address.metadata.update(metadata_from(given.get("metadata")))
    return address


@resolves("Address", "country")
def country(address: Address, _info: Info) -> dict[str, str]:
    return country_view(address.country)


@resolves("Address", "isDefaultShippingAddress")
def is_default_shipping(address: Address, info: Info) -> bool:
    return any(each.default_shipping_address is address for each in call_of(info).host.store.users)


@resolves("Address", "isDefaultBillingAddress")
def is_default_billing(address: Address, info: Info) -> bool:
    return any(each.default_billing_address is address for each in call_of(info).host.store.users)


@resolves("User", "dateJoined")
def date_joined(user: User, _info: Info) -> Any:
    return user.created


@resolves("User", "orders")
def orders(user: User, info: Info, **page: Any) -> dict[str, Any]:
    held = call_of(info).host.store.orders
    return connection([each for each in held if each.user is user], "orders", **page)


@resolves("User", "accessibleChannels")
def accessible_channels(user: User, info: Info) -> list[Channel]:
    """Return the channels of all groups of the user; a customer has no group."""
    if not user.is_staff:
        return []
    known = call_of(info).host.store.channels
    return [each for each in known if user.channels is None or each.slug in user.channels]


@resolves("User", "restrictedAccessToChannels")
def restricted_access_to_channels(user: User, _info: Info) -> bool:
    return not user.is_staff or user.channels is not None


@resolves("User", "note")
def note(user: User, info: Info) -> str | None:
    call_of(info).require("MANAGE_USERS", "MANAGE_STAFF")
    return user.note


def access_token(call: Call, user: User) -> str:
    """Return a staff member's or customer's own token, of type "access"."""
    moment = int(time.time())
    claims = {
        "iat": moment,
        "owner": "saleor",
        "iss": call.host.api_url,
        "exp": moment + ACCESS_SECONDS,
        "token": user.key,
        "email": user.email,
        "type": "access",
        "user_id": user.id,
        "is_staff": user.is_staff,
    }
    return call.host.key.token(claims)


@mutation("tokenCreate")
def token_create(_root: Any, info: Info, *, email: str, password: str) -> dict[str, Any]:
    call = call_of(info)
    found = next((each for each in call.host.store.users if each.email == email.lower()), None)
    if found is None or not found.password or found.password != password or not found.is_active:
        raise Refused("email", "INVALID_CREDENTIALS", "Please, enter valid credentials")
    if not found.is_confirmed:
        raise Refused("email", "ACCOUNT_NOT_CONFIRMED", "Account needs to be confirmed via email.")
    found.last_login = now()
    return {"token": access_token(call, found), "user": found}


_USER_FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "isActive": "is_active",
    "isConfirmed": "is_confirmed",
    "note": "note",
    "languageCode": "language_code",
    "externalReference": "external_reference",
}


def _set_default(user: User, kind: str, given: dict[str, Any] | None) -> None:
    address = address_from(given)
    if address is not None:
        user.addresses.append(address)
        setattr(user, f"default_{kind}_address", address)


def _apply(call: Call, user: User, given: dict[str, Any]) -> bool:
    """Apply the input to the user; return whether metadata changed."""
    for name, attribute in _USER_FIELDS.items():
        if given.get(name) is not None:
            setattr(user, attribute, given[name])
    if given.get("email"):
        _set_email(call, user, given["email"])
    _set_default(user, "billing", given.get("defaultBillingAddress"))
    _set_default(user, "shipping", given.get("defaultShippingAddress"))
    before = ({**user.metadata}, {**user.private_metadata})
    user.metadata.update(metadata_from(given.get("metadata")))
    user.private_metadata.update(metadata_from(given.get("privateMetadata")))
    return before != (user.metadata, user.private_metadata)


def _set_email(call: Call, user: User, given: str) -> None:
    email = given.strip().lower()
    if "@" not in email:
        raise Refused("email", "INVALID", "Enter a valid email address.")
    if any(each.email == email for each in call.host.store.users if each is not user):
        raise Refused("email", "UNIQUE", "User with this Email already exists.")
    user.email = email


def _customer(call: Call, given: str | None) -> User:
    found = by_id(call.host.store.users, given, "User")
    if found is None or found.is_staff:
        raise Refused("id", "NOT_FOUND", f"Couldn't resolve to a node: {given}")
    return found


@mutation("accountRegister")
def account_register(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    email = input_["email"].strip().lower()
    if not input_.get("channel") or not input_.get("redirectUrl"):
        missing = "channel" if not input_.get("channel") else "redirectUrl"
        raise Refused(missing, "REQUIRED", "This field is required.")
    channel = next((c for c in call.host.store.channels if c.slug == input_["channel"]), None)
    user = User(email, password=input_["password"], is_confirmed=False)
    # A known address gets the same response, so that nobody can find out who is a customer.
    if not any(each.email == email for each in call.host.store.users):
        _apply(call, user, {**input_, "email": email})
        call.host.store.users.append(user)
        call.host.emit(
            "ACCOUNT_CONFIRMATION_REQUESTED",
            None,
            user=user,
            channel=channel,
            token=f"confirm-{user.key}",
            redirectUrl=input_["redirectUrl"],
        )
        call.host.emit("CUSTOMER_CREATED", None, user=user)
    return {"requiresConfirmation": True, "user": {**_seen_by_stranger(user)}}


def _seen_by_stranger(user: User) -> dict[str, Any]:
    shown = {"id": "", "email": user.email, "firstName": user.first_name, "lastName": user.last_name}
    return {**shown, "isActive": True, "isStaff": False, "isConfirmed": False, "addresses": []}


@mutation("accountUpdate")
def account_update(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    if call.user is None:
        raise denied("AUTHENTICATED_USER")
    _customer_changed(call, call.user, _apply(call, call.user, input_))
    return {"user": call.user}


def _customer_changed(call: Call, user: User, metadata: bool) -> None:
    changes.user_changed(call, user)
    if metadata:
        call.host.emit("CUSTOMER_METADATA_UPDATED", call.requestor, user=user)


@mutation("customerCreate")
@needs("MANAGE_USERS")
def customer_create(_root: Any, info: Info, *, input_: dict[str, Any]) -> dict[str, Any]:
    call = call_of(info)
    if not input_.get("email"):
        raise Refused("email", "REQUIRED", "This field cannot be blank.")
    user = User("", is_confirmed=False)
    metadata = _apply(call, user, input_)
    call.host.store.users.append(user)
    call.host.emit("CUSTOMER_CREATED", call.requestor, user=user)
    if metadata:
        call.host.emit("CUSTOMER_METADATA_UPDATED", call.requestor, user=user)
    return {"user": user}


@mutation("customerUpdate")
@needs("MANAGE_USERS")
def customer_update(
    _root: Any, info: Info, *, input_: dict[str, Any], id_: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    user = _customer(call, id_)
    _customer_changed(call, user, _apply(call, user, input_))
    return {"user": user}


@mutation("customerDelete")
@needs("MANAGE_USERS")
def customer_delete(_root: Any, info: Info, *, id_: str | None = None) -> dict[str, Any]:
    call = call_of(info)
    user = _customer(call, id_)
    call.host.store.remove_user(user)
    changes.user_deleted(call, user)
    return {"user": user}


# --- customers and their own accounts ---------------------------------------------------------------------


def _with_token(call: Call, purpose: str, given: str) -> tuple[User, str]:
    """Return the user and the extra value of a token issued for this purpose."""
    kind, _, rest = given.partition("-")
    key, _, extra = rest.partition("-")
    found = next((each for each in call.host.store.users if each.key == key), None)
    if kind != purpose or found is None:
        raise Refused("token", "INVALID", "Invalid or expired token.")
    return found, extra


def _announce(call: Call, name: str, user: User, **fields: Any) -> None:
    call.host.emit(name, call.requestor, user=user, **fields)


@mutation("confirmAccount")
def confirm_account(_root: Any, info: Info, *, email: str, token: str) -> dict[str, Any]:
    call = call_of(info)
    user, _ = _with_token(call, "confirm", token)
    if user.email != email.lower():
        raise Refused("email", "NOT_FOUND", "User with this email doesn't exist.")
    user.is_confirmed = True
    user.touch()
    _announce(call, "ACCOUNT_CONFIRMED", user, channel=None)
    return {"user": user}


@resolves("AccountConfirmed", "token")
@resolves("AccountEmailChanged", "token")
@resolves("AccountDeleted", "token")
def no_token(event: dict[str, Any], _info: Info) -> str:
    # These events have no token, and Saleor crashes if the subscription requests it.
    return str(event["token"])


def _signed_in(call: Call) -> User:
    if call.user is None:
        raise denied("AUTHENTICATED_USER")
    return call.user


def _named_channel(call: Call, slug: str | None) -> Any:
    return next((each for each in call.host.store.channels if each.slug == slug), None)


@mutation("requestEmailChange")
def request_email_change(
    _root: Any, info: Info, *, new_email: str, password: str, redirect_url: str, channel: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    user = _signed_in(call)
    if user.password != password:
        raise Refused("password", "INVALID_CREDENTIALS", "Password isn't valid.")
    if any(each.email == new_email.lower() for each in call.host.store.users):
        raise Refused("newEmail", "UNIQUE", "Email is used by other user.")
    fields = {
        "channel": _named_channel(call, channel),
        "token": f"email-{user.key}-{new_email.lower()}",
        "redirectUrl": redirect_url,
        "newEmail": new_email.lower(),
    }
    _announce(call, "ACCOUNT_CHANGE_EMAIL_REQUESTED", user, **fields)
    return {"user": user}


@mutation("confirmEmailChange")
def confirm_email_change(_root: Any, info: Info, *, token: str, channel: str | None = None) -> dict[str, Any]:
    call = call_of(info)
    user, email = _with_token(call, "email", token)
    if _signed_in(call) is not user:
        raise Refused("token", "INVALID", "Invalid or expired token.")
    _set_email(call, user, email)
    changes.user_changed(call, user)
    _announce(call, "ACCOUNT_EMAIL_CHANGED", user, channel=_named_channel(call, channel))
    return {"user": user}


@mutation("accountRequestDeletion")
def account_request_deletion(
    _root: Any, info: Info, *, redirect_url: str, channel: str | None = None
) -> dict[str, Any]:
    call = call_of(info)
    user = _signed_in(call)
    fields = {"channel": _named_channel(call, channel), "token": f"delete-{user.key}"}
    _announce(call, "ACCOUNT_DELETE_REQUESTED", user, redirectUrl=redirect_url, **fields)
    return {}


@mutation("accountDelete")
def account_delete(_root: Any, info: Info, *, token: str) -> dict[str, Any]:
    call = call_of(info)
    user, _ = _with_token(call, "delete", token)
    if _signed_in(call) is not user:
        raise Refused("token", "INVALID", "Invalid or expired token.")
    call.host.store.remove_user(user)
    changes.account_deleted(call, user)
    return {"user": user}
