"""The caller: every resolver sees the rows of one shop only, through `shop_id`; `needs` checks scopes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from strawberry import BasePermission, Info

from saleor_stripe_audience.api.shop_facts import ShopFacts
from saleor_stripe_audience.api_keys.scopes import opens
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.saleor.staff_channels import NEEDS_ALL_CHANNELS, channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser


@dataclass(frozen=True, slots=True)
class Caller:
    """A developer's key, or a member of the shop's staff with a token of Saleor's Dashboard."""

    id: str
    installation_id: UUID
    scopes: frozenset[str]
    staff: DashboardUser | None = None


class Context:
    """What resolvers know about a request; `request` is there because strawberry-django needs it."""

    def __init__(self, caller: Caller, request: HttpRequest) -> None:
        self.caller = caller
        self.request = request
        self.facts = ShopFacts(caller.installation_id)
        self.has_changed = False  # whether a mutation of this request was done

    @cached_property
    def channels(self) -> frozenset[str] | None:
        """The channels that the caller is restricted to: Saleor is asked at most once per request."""
        return None if self.caller.staff is None else channels_of(self.caller.staff)


def shop_id(info: Info) -> UUID:
    """Return the installation whose data this caller may see."""
    return caller_of(info).installation_id


def caller_of(info: Info) -> Caller:
    context: Context = info.context
    return context.caller


def channels_of_caller(info: Info) -> frozenset[str] | None:
    """Return the slugs of the channels that the caller is restricted to; None for all, as for every key."""
    context: Context = info.context
    return context.channels


def check_all_channels(info: Info) -> None:
    """`Rejected` for staff that Saleor restricts to channels: what they ask for cannot be limited to these."""
    if channels_of_caller(info) is not None:
        raise Rejected(NEEDS_ALL_CHANNELS, code="all_channels_needed")


def facts_of(info: Info) -> ShopFacts:
    """Return what the objects of the response share."""
    context: Context = info.context
    return context.facts


def forget_facts(info: Info) -> None:
    """Read the shared facts again after a change."""
    context: Context = info.context
    context.facts = ShopFacts(context.caller.installation_id)


def note_change(info: Info) -> None:
    """Record that a mutation succeeded: the caller must receive what it returned."""
    context: Context = info.context
    context.has_changed = True


def check_scope(info: Info, scope: str) -> None:
    """`Rejected` unless the caller has the scope."""
    if not opens(caller_of(info).scopes, scope):
        raise Rejected(
            f"This needs the scope {scope}, which this key or staff member does not have.",
            code="missing_scope",
        )


def needs(scope: str) -> type[BasePermission]:
    """Return a class for a field's `permission_classes`: without the scope, it causes a top-level error, as in
    Saleor.
    """

    class Needs(BasePermission):
        def has_permission(self, source: Any, info: Info, **_: Any) -> bool:  # noqa: ARG002 - strawberry's form
            check_scope(info, scope)
            return True

    return Needs
