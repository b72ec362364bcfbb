"""One segment: its rule as a form that the server renders again after each click, its current matches, and the
reasons.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from saleor_stripe_audience.audience import staff_actions
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.segments import rules, store
from saleor_stripe_audience.audience.segments.explain import Explanation, explain
from saleor_stripe_audience.audience.segments.models import Segment
from saleor_stripe_audience.audience.segments.places import Misplaced
from saleor_stripe_audience.audience.segments.ready_made import title_of
from saleor_stripe_audience.dashboard import segment_form, segment_names
from saleor_stripe_audience.dashboard.access import for_staff
from saleor_stripe_audience.dashboard.contact_rows import row_of
from saleor_stripe_audience.dashboard.contacts import (
    actor_of,
    audiences_of,
    find_contact,
    requested_audience,
)
from saleor_stripe_audience.dashboard.sections import SEGMENTS, Note, refuse, show
from saleor_stripe_audience.dashboard.segment_controls import KINDS, Option, Part
from saleor_stripe_audience.dashboard.segment_form import ROOT, Node
from saleor_stripe_audience.errors import Failure, Rejected
from saleor_stripe_audience.saleor.staff_channels import NEEDS_ALL_CHANNELS, channels_of
from saleor_stripe_audience.saleor.tokens import DashboardUser
from saleor_stripe_audience.wording import ENGLISH, Wording, in_language

FORM = "segment"
WRONG: dict[str, Wording] = {
    "too_short": gettext_lazy("Choose or enter at least one."),
    "too_long": gettext_lazy("You can enter at most 100 values."),
    "things_missing": gettext_lazy("Choose or enter at least one."),
    "missing": gettext_lazy("Something is missing here."),
    "string_too_short": gettext_lazy("Something is missing here."),
    "string_too_long": gettext_lazy("This text is too long."),
    "string_pattern_mismatch": gettext_lazy("Enter codes such as FR or fr, separated by commas."),
    "span": gettext_lazy("Enter more than zero and at most ten years."),
    "int_type": gettext_lazy("Enter a whole number."),
    "greater_than_equal": gettext_lazy("This number is too small."),
    "less_than_equal": gettext_lazy("This number is too large."),
    "number_large": gettext_lazy("This number is too large."),
    "decimal_parsing": gettext_lazy("Enter an amount such as 12.30."),
    "money": gettext_lazy("This amount or currency is not valid."),
    "range_missing": gettext_lazy("Enter the minimum, the maximum, or both."),
    "range_reversed": gettext_lazy("The minimum is greater than the maximum: nobody can match."),
    "time_missing": gettext_lazy("Say when."),
    "time_reversed": gettext_lazy("The end is before the start: nobody can match."),
    "time_outside": gettext_lazy("This date is too early or too late."),
    "datetime_from_date_parsing": gettext_lazy("Enter a date."),
    "datetime_parsing": gettext_lazy("Enter a date."),
    "comparison_missing": gettext_lazy("Enter what to compare with."),
    "literal_error": gettext_lazy("Choose one."),
    "tag_unknown": gettext_lazy("Choose a tag. This one no longer exists."),
    "segment_unknown": gettext_lazy("Choose a segment. This one no longer exists."),
    "contradiction": gettext_lazy("This contradicts another condition: nobody can match both."),
    "too_many": gettext_lazy(
        "A segment can have at most 100 conditions. Move some of them to a separate segment."
    ),
    "too_deep": gettext_lazy("This is nested too deeply. Move the inner group to a separate segment."),
}
OTHERWISE = gettext_lazy("This condition is not complete.")
OUTDATED = gettext_lazy("Someone else has changed this segment since you opened it. Open it again.")


@require_safe
@for_staff(SEGMENTS)
def new_segment(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Show an empty form, or a copy of the segment given by `from`."""
    if copied := request.GET.get("from", ""):
        source = find(user, _uuid(copied))
        if source is None:
            return not_found(request, user)
        name = _("%(name)s (copy)") % {"name": title_of(source)}
        draft = Draft(
            source.audience, uuid4(), name[: store.MAX_NAME_LENGTH], segment_form.from_rule(source.tree)
        )
        return _show(request, user, draft)
    audience = requested_audience(audiences_of(user), request.GET)
    if audience is None:
        return refuse(request, 404, _("This audience was not found."), user)
    return _show(request, user, Draft(audience, uuid4(), "", segment_form.new_rule()))


@require_safe
@for_staff(SEGMENTS)
def segment(request: HttpRequest, user: DashboardUser, segment_id: UUID) -> HttpResponse:
    found = find(user, segment_id)
    return not_found(request, user) if found is None else _show(request, user, draft_of(found))


@require_POST
@for_staff(SEGMENTS)
def build_segment(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Add, remove or change a condition of the form; nothing is stored."""
    draft = _read(user, request.POST)
    if draft is None:
        return not_found(request, user)
    draft.focus = segment_form.apply(draft.root, request.POST.get("do", ""))
    return _show(request, user, draft)


@require_POST
@for_staff(SEGMENTS)
def preview_segment(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """How many contacts the form's rule matches now, and some of them."""
    draft = _read(user, request.POST)
    if draft is None:
        return not_found(request, user)
    tree, places = segment_form.to_rule(draft.root)
    slugs = channels_of(user)
    context: dict[str, Any] = {}
    try:
        _check_rule(slugs, draft, tree)
        preview = store.preview(draft.audience, tree)
    except Misplaced as error:
        wrong = segment_form.find(draft.root, segment_form.path_of(error.place, places))
        context = {"about": _title(wrong), "problem": WRONG.get(error.what, OTHERWISE)}
    except Failure as error:
        context = {"problem": str(error.translatable)}
    else:
        context = {
            "preview": preview,
            "rows": [row_of(each) for each in preview.sample],
            "notes": [_note_of(each, draft, places) for each in preview.unknown],
        }
    return show(request, user, SEGMENTS, template="segment_preview", **context)


def _note_of(unknown: store.Unknown, draft: "Draft", places: dict[str, str]) -> str:
    title = _title(segment_form.find(draft.root, segment_form.path_of(unknown.place, places)))
    if unknown.is_key:
        text = _("%(condition)s: the audience does not store this key yet, so nobody matches.")
    else:
        text = _("%(condition)s: nobody has bought any of these yet. Were they deleted?")
    return text % {"condition": title}


@require_POST
@for_staff(SEGMENTS)
def save_segment(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    """Create the segment, or change it. The same form sent twice creates one segment."""
    draft = _read(user, request.POST)
    if draft is None:
        return not_found(request, user)
    tree, places = segment_form.to_rule(draft.root)
    slugs = channels_of(user)
    try:
        saved = _save(user, slugs, draft, tree)
    except Misplaced as error:
        path = segment_form.path_of(error.place, places)
        draft.errors[path] = WRONG.get(error.what, OTHERWISE)
        draft.focus = path
        note = Note("bad", _("Not saved: something is missing or wrong in a condition."), FORM)
        return _show(request, user, draft, note, 422)
    except Failure as error:
        is_name = 0 < len(draft.name.strip()) <= store.MAX_NAME_LENGTH
        draft.is_name_wrong = error.code == "name_taken" or not is_name
        return _show(request, user, draft, Note("bad", str(error.translatable), FORM), 422)
    note = Note("good", _("Saved. The members are up to date within a minute."), FORM)
    return _show(request, user, draft_of(saved), note, address=reverse("dashboard:segment", args=[saved.pk]))


def _save(user: DashboardUser, slugs: frozenset[str] | None, draft: "Draft", tree: rules.Json) -> Segment:
    present = draft.stored
    _check_rule(slugs, draft, tree)
    tag_name = draft.tag.strip()
    tag = staff_actions.create_tag(actor_of(user), draft.audience.pk, tag_name) if tag_name else None
    values = store.SegmentValues(_stored_name(draft), tree, tag, accept_unknown=True)
    if present is None:
        return store.create(draft.audience, values, draft.key)
    if draft.version != _version(present):
        is_same = (present.name, present.tag) == (values.name.strip(), values.tag)
        if is_same and present.tree == store.resolve(draft.audience, tree).as_json():
            return present  # the same form, sent twice
        raise Rejected(OUTDATED, code="outdated")
    return store.change(present, values)


def _stored_name(draft: "Draft") -> str:
    """Return the name to store: a ready-made segment whose translated name was not changed keeps its English name, for
    readers of both languages.
    """
    if draft.stored is not None and draft.name == title_of(draft.stored):
        return draft.stored.name
    return draft.name


def _check_rule(slugs: frozenset[str] | None, draft: "Draft", tree: rules.Json) -> None:
    """`Rejected` for staff restricted to channels if a new rule is about orders: who matches would reveal others'."""
    if slugs is None:
        return
    rule = store.resolve(draft.audience, tree)
    is_stored = draft.stored is not None and rule.as_json() == draft.stored.tree
    if rules.is_about_orders(rule.root) and not is_stored:
        raise Rejected(NEEDS_ALL_CHANNELS, code="all_channels_needed")


@require_safe
@for_staff(SEGMENTS)
def explain_segment(request: HttpRequest, user: DashboardUser, segment_id: UUID) -> HttpResponse:
    """Why a contact, given by id or address, is in the segment or not: each condition with its fact."""
    found = find(user, segment_id)
    if found is None:
        return not_found(request, user)
    email = request.GET.get("contact", "").strip()
    person = find_contact(found.audience, email)
    if person is None:
        note = Note("bad", _("The audience has no contact with this address."), "why") if email else None
        return _show(request, user, draft_of(found), note, 404 if email else 200, email=email)
    if store.depends_on_orders(found) and channels_of(user) is not None:
        return refuse(request, 403, str(NEEDS_ALL_CHANNELS), user)
    person.audience = found.audience
    explanation = explain(person, rules.read(found.tree), timezone.now())
    return show(
        request,
        user,
        SEGMENTS,
        template="segment_why",
        segment=found,
        title=title_of(found),
        contact=person,
        is_in=explanation.holds,
        reasons=list(_reasons(explanation)),
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition of the rule for one contact; `depth` is the number of groups around it."""

    depth: int
    title: Wording
    holds: bool
    because: Wording


def _reasons(explanation: Explanation) -> Sequence[Reason]:
    return [
        Reason(
            min(each.place.count(".of"), rules.MAX_DEPTH),
            _title_of_type(each.type),
            each.holds,
            each.because,
        )
        for each in explanation.flat()
    ]


@dataclass
class Draft:
    """A segment in the form, stored or not; `version` is the segment's version when the form was opened."""

    audience: Audience
    key: UUID
    name: str
    root: Node
    tag: str = ""
    version: str = ""
    stored: Segment | None = None
    focus: str = ""
    is_name_wrong: bool = False
    errors: dict[str, Wording] = field(default_factory=dict)


def draft_of(found: Segment) -> Draft:
    root = segment_form.from_rule(found.tree)
    tag = found.tag.name if found.tag is not None else ""
    return Draft(found.audience, found.pk, title_of(found), root, tag, _version(found), found)


def _version(found: Segment) -> str:
    return found.updated_at.isoformat()


def _read(user: DashboardUser, sent: QueryDict) -> Draft | None:
    """Return the form as it was sent; None for a segment or an audience of another shop."""
    key = _uuid(sent.get("key", ""))
    stored = find(user, key)
    if stored is None and (not key.int or Segment.objects.filter(pk=key).exists()):
        return None
    audience = requested_audience(audiences_of(user), sent) if stored is None else stored.audience
    if audience is None:
        return None
    name, tag = sent.get("name", "").replace("\0", ""), sent.get("tag", "").replace("\0", "")
    return Draft(audience, key, name, segment_form.from_fields(sent), tag, sent.get("version", ""), stored)


def find(user: DashboardUser, segment_id: UUID) -> Segment | None:
    """Return the segment, if it is one of the user's shop."""
    own = Segment.objects.filter(audience__installation=user.installation)
    return own.select_related("audience__installation", "tag").filter(pk=segment_id).first()


def not_found(request: HttpRequest, user: DashboardUser) -> HttpResponse:
    return refuse(request, 404, _("This segment was not found."), user)


def _uuid(text: str) -> UUID:
    """Return the id; if the text is not an id, one that no row has."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


# ---- what the template renders ----


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A control with what is in it; `picked` and `found` are things of a picker, by their ids and names."""

    part: Part
    id: str
    name: str
    value: str
    values: Sequence[str]
    unit: str
    exact: str
    options: Sequence[Option]
    picked: Sequence[Option] = ()
    found: Sequence[Option] = ()
    find: str = ""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    path: str
    node: Node
    title: Wording
    error: Wording
    is_focused: bool
    is_root: bool
    parts: list[DrawnPart]
    children: list["DrawnNode"]


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws a form; `names` and `options` are read once for all of its conditions."""

    draft: Draft
    names: segment_names.Names
    options: dict[str, list[Option]]

    def draw(self, node: Node, path: str = ROOT) -> DrawnNode:
        parts = (
            []
            if node.is_group
            else [part for each in KINDS[node.type].controls for part in each.parts(node.fields)]
        )
        return DrawnNode(
            path,
            node,
            _title(node),
            self.draft.errors.get(path, ""),
            self.draft.focus == path,
            path == ROOT,
            [self._part(part, node, path) for part in parts],
            [self.draw(child, f"{path}-{index}") for index, child in enumerate(node.children)],
        )

    def _part(self, part: Part, node: Node, path: str) -> DrawnPart:
        values = node.fields.get(part.name, [])
        value = values[0] if values else ""
        options = list(self.options.get(part.source, part.options))
        if part.kind == "select" and value and value not in dict(options):
            options.append((value, value))  # a value in the rule is shown even if it is no longer offered
        drawn = DrawnPart(
            part,
            f"{path}-{part.name}",
            f"{path}.{part.name}",
            value,
            values,
            _first(node, f"{part.name}-unit"),
            _first(node, f"{part.name}-exact"),
            options,
        )
        return drawn if part.kind != "picker" else self._picker(drawn, node)

    def _picker(self, drawn: DrawnPart, node: Node) -> DrawnPart:
        text = _first(node, "find").strip()
        found = segment_names.search(self.draft.audience, drawn.part.source, text) if text else {}
        ids = drawn.value.split()
        return DrawnPart(
            drawn.part,
            drawn.id,
            drawn.name,
            drawn.value,
            drawn.values,
            "",
            "",
            (),
            picked=[(each, self.names.get(each, each)) for each in ids],
            found=[(key, name) for key, name in found.items() if key not in ids],
            find=text,
        )


def _first(node: Node, name: str) -> str:
    values = node.fields.get(name, [])
    return values[0] if values else ""


def _title(node: Node | None) -> Wording:
    return _title_of_type(node.type) if node is not None else ""


def _title_of_type(kind: str) -> Wording:
    groups = {"all": _("All of these"), "any": _("At least one of these"), "not": _("The opposite")}
    return groups[kind] if kind in groups else KINDS[kind].title


def _draw(draft: Draft) -> tuple[DrawnNode, dict[str, list[Option]]]:
    ids: dict[str, set[str]] = defaultdict(set)
    for _path, node in segment_form.walk(draft.root):
        kind = _first(node, "kind")
        controls = KINDS[node.type].controls if kind and node.type in KINDS else ()
        if any(part.kind == "picker" for each in controls for part in each.parts(node.fields)):
            ids[kind] |= set(_first(node, "ids").split())
    options = segment_names.options_of(draft.audience, draft.key)
    pen = _Pen(draft, segment_names.names_of(draft.audience, {k: v for k, v in ids.items() if v}), options)
    return pen.draw(draft.root), options


def _kind_groups() -> list[tuple[Wording, list[Option]]]:
    groups: dict[str, tuple[Wording, list[Option]]] = {}
    for name, kind in KINDS.items():
        key = in_language(kind.group, ENGLISH)
        groups.setdefault(key, (kind.group, []))[1].append((name, kind.title))
    return list(groups.values())


def _show(
    request: HttpRequest,
    user: DashboardUser,
    draft: Draft,
    note: Note | None = None,
    status: int = 200,
    *,
    email: str = "",
    address: str = "",
) -> HttpResponse:
    root, options = _draw(draft)
    return show(
        request,
        user,
        SEGMENTS,
        note=note,
        status=status,
        template="segment",
        draft=draft,
        root=root,
        kinds=_kind_groups(),
        tags=[name for _key, name in options["tags"]],
        email=email,
        address=address,
    )
