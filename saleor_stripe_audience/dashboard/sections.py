"""The sections of the page, who may see each of them, and how they are rendered."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from saleor_stripe_audience.dashboard.permissions import missing_permission
from saleor_stripe_audience.dashboard.sites import read_sites
from saleor_stripe_audience.saleor.tokens import DashboardUser


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `permission` is the one that the staff member needs, empty if none. `group` is its heading there."""

    name: str
    title: str | Promise
    permission: str = ""
    group: str | Promise = ""

    @property
    def url(self) -> str:
        return reverse(f"dashboard:{self.name}")


@dataclass(frozen=True, slots=True)
class Note:
    """The result of a click: `kind` is "good" or "bad". It is shown in the form of that id, or at the top."""

    kind: str
    text: str
    form: str = ""


SETTINGS = _("Settings")

OVERVIEW = Section("overview", _("Home"))
SETUP = Section("setup", _("Setup"), "MANAGE_APPS")
PAYMENTS = Section("payments", _("Payments"), "HANDLE_PAYMENTS")
PRODUCTS = Section("products", _("Products"), "MANAGE_PRODUCTS")
CONTACTS = Section("contacts", _("Contacts"), "MANAGE_USERS")
SEGMENTS = Section("segments", _("Segments"), "MANAGE_USERS")
AUDIENCES = Section("audiences", _("Audiences"), "MANAGE_USERS")
PROBLEMS = Section("problems", _("Problems"), "MANAGE_APPS")
ACTIVITY = Section("activity", _("Activity"), "MANAGE_APPS")
ACCOUNTS = Section("accounts", _("Stripe"), "MANAGE_APPS", SETTINGS)
CHANNELS = Section("channels", _("Channels"), "MANAGE_APPS", SETTINGS)
KEYS = Section("keys", _("Keys"), "MANAGE_APPS", SETTINGS)
SECTIONS = (
    OVERVIEW,
    SETUP,
    PAYMENTS,
    PRODUCTS,
    CONTACTS,
    SEGMENTS,
    AUDIENCES,
    PROBLEMS,
    ACTIVITY,
    ACCOUNTS,
    CHANNELS,
    KEYS,
)


def may_see(user: DashboardUser, section: Section) -> bool:
    return not section.permission or user.may(section.permission)


def show(
    request: HttpRequest,
    user: DashboardUser,
    section: Section,
    *,
    note: Note | None = None,
    status: int = 200,
    template: str = "",
    **context: Any,
) -> HttpResponse:
    """The section, or one of its rows by another template, with links to the others and a `note`."""
    page = {
        "section": section,
        "sections": [each for each in SECTIONS if may_see(user, each)],
        "note": note,
        "shop": user.installation,
        "sites": context.get("sites") or read_sites(user.installation, request.GET),
        **context,
    }
    return render(request, f"dashboard/{template or section.name}.html", page, status=status)


def refuse(
    request: HttpRequest, status: int, message: str, user: DashboardUser | None = None
) -> HttpResponse:
    """Show only the reason, with links to what the user may see, if there is a user."""
    return _show_refusal(request, status, message, user, again=OVERVIEW.url)


def refuse_without(request: HttpRequest, permission: str, user: DashboardUser) -> HttpResponse:
    """Show which permission the user needs. Trying again would not help."""
    return _show_refusal(request, 403, missing_permission(permission), user, again="")


def _show_refusal(
    request: HttpRequest, status: int, message: str, user: DashboardUser | None, *, again: str
) -> HttpResponse:
    sections = [each for each in SECTIONS if user is not None and may_see(user, each)]
    context = {"sections": sections, "note": Note("bad", message), "again": again}
    return render(request, "dashboard/refusal.html", context, status=status)
