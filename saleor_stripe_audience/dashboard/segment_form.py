"""Converts a segment's rule to a form and back: read from the rule or from the submitted fields, and changed by
buttons.

A condition is identified by its path: "n" is the whole rule, "n-0-2" the third condition of the first group in it. Each
field's name starts with the path of its condition: "n-0-2.atLeast".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from saleor_stripe_audience.audience.segments.rules import MAX_CONDITIONS, MAX_DEPTH, VERSION
from saleor_stripe_audience.dashboard.segment_controls import KINDS, Json

ROOT = "n"
GROUPS = ("all", "any")
FIRST_KIND = "purchased"
MOST_IDS = 100  # products of one condition


@dataclass
class Node:
    """A condition, or a group of them; `negated` is a `not` around it."""

    type: str
    negated: bool = False
    fields: dict[str, list[str]] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    @property
    def is_group(self) -> bool:
        return self.type in GROUPS


def new_rule() -> Node:
    """A group with one condition, which the reader fills in."""
    return Node("all", children=[new_condition()])


def new_condition(kind: str = FIRST_KIND) -> Node:
    fields: dict[str, list[str]] = {}
    for control in KINDS[kind].controls:
        fields |= control.load({})
    return Node(kind, fields=fields)


def from_rule(tree: Json) -> Node:
    """Return the form of a rule. It always begins with a group, in which conditions can be added."""
    node = _from_part(tree["root"])
    return node if node.is_group else Node("all", children=[node])


def _from_part(part: Json) -> Node:
    negated = False
    while part["type"] == "not":  # the opposite of the opposite is the condition itself
        negated, part = not negated, part["of"]
    if part["type"] in GROUPS:
        return Node(part["type"], negated, children=[_from_part(each) for each in part["of"]])
    fields: dict[str, list[str]] = {}
    for control in KINDS[part["type"]].controls:
        fields |= control.load(part)
    return Node(part["type"], negated, fields)


def to_rule(root: Node) -> tuple[Json, dict[str, str]]:
    """Return the rule, which may be invalid, and the paths of its conditions by their place in it.

    A group of one condition becomes that condition, so a rule that is opened and saved does not change.
    """
    places: dict[str, str] = {}
    if len(root.children) == 1 and not root.negated and not root.children[0].is_group:
        part = _to_part(root.children[0], "root", f"{ROOT}-0", places)
    else:
        part = _to_part(root, "root", ROOT, places)
    return {"version": VERSION, "root": part}, places


def _to_part(node: Node, place: str, path: str, places: dict[str, str]) -> Json:
    places[place] = path
    if node.negated:
        inner = _to_part(
            Node(node.type, fields=node.fields, children=node.children), f"{place}.of", path, places
        )
        return {"type": "not", "of": inner}
    if node.is_group:
        children = [
            _to_part(child, f"{place}.of[{index}]", f"{path}-{index}", places)
            for index, child in enumerate(node.children)
        ]
        return {"type": node.type, "of": children}
    part: Json = {"type": node.type}
    for control in KINDS[node.type].controls:
        part |= control.save(node.fields)
    return part


def path_of(place: str, places: Mapping[str, str]) -> str:
    """Return the path of the condition that a place in the rule, such as root.of[1].within.days, belongs to."""
    inside = [each for each in places if place == each or place.startswith((f"{each}.", f"{each}["))]
    return places[max(inside, key=len)] if inside else ROOT


def from_fields(sent: QueryDict) -> Node:
    """Return the form as it was sent; missing or invalid parts are replaced by a new condition."""
    left = [MAX_CONDITIONS + 1]
    node = _from_fields(sent, ROOT, left)
    return node if node.is_group else Node("all", children=[node])


def _from_fields(sent: QueryDict, path: str, left: list[int]) -> Node:
    left[0] -= 1
    kind, negated = sent.get(f"{path}.type", ""), sent.get(f"{path}.negated") == "yes"
    if kind in GROUPS:
        node = Node(kind, negated)
        is_deep = path.count("-") > MAX_DEPTH
        while not is_deep and left[0] >= 0 and f"{path}-{len(node.children)}.type" in sent:
            node.children.append(_from_fields(sent, f"{path}-{len(node.children)}", left))
        return node
    if kind not in KINDS:
        return new_condition() if path != ROOT else Node("all")
    if (
        sent.get(f"{path}.was", kind) != kind
    ):  # another type was chosen: the previous type's values do not apply
        return Node(kind, negated, new_condition(kind).fields)
    start = f"{path}."
    fields = {name.removeprefix(start): sent.getlist(name) for name in sent if name.startswith(start)}
    clean = {name: [each.replace("\0", "") for each in values] for name, values in fields.items()}
    known = new_condition(kind).fields
    return Node(kind, negated, {**known, **clean})


def find(root: Node, path: str) -> Node | None:
    """Return the condition of the path, None if there is none."""
    start, *steps = path.split("-")
    node: Node | None = root if start == ROOT else None
    for step in steps:
        index = int(step) if step.isdecimal() and len(step) <= len(str(MAX_CONDITIONS)) else -1
        if node is None or not 0 <= index < len(node.children):
            return None
        node = node.children[index]
    return node


def apply(root: Node, command: str) -> str:
    """Carry out a button's action, such as "add:n-0"; returns the path to focus next, or nothing."""
    name, _, rest = command.partition(":")
    path, _, value = rest.partition(":")
    node = find(root, path)
    if node is None:
        return ""
    if name in ("add", "group") and node.is_group and count(root) < MAX_CONDITIONS:
        node.children.append(new_condition() if name == "add" else Node("any", children=[new_condition()]))
        last = f"{path}-{len(node.children) - 1}"
        return last if name == "add" else f"{last}-0"
    if name == "remove" and path != ROOT:
        return _remove(root, path)
    if name in ("pick", "drop") and value:
        _change_ids(node, name, value)
        return path
    return ""


def _remove(root: Node, path: str) -> str:
    """Remove the condition, and groups that are empty without it."""
    parent_path, _, index = path.rpartition("-")
    parent = find(root, parent_path)
    if parent is None:
        return ""
    del parent.children[int(index)]
    if not parent.children and parent_path != ROOT:
        return _remove(root, parent_path)
    return parent_path


def _change_ids(node: Node, name: str, value: str) -> None:
    ids = " ".join(node.fields.get("ids", [""])).split()
    if name == "drop":
        ids = [each for each in ids if each != value]
    elif value not in ids and len(ids) < MOST_IDS:
        ids.append(value)
    node.fields["ids"] = [" ".join(ids)]
    node.fields["find"] = [""]


def count(root: Node) -> int:
    return sum(1 for _path, _node in walk(root))


def walk(node: Node, path: str = ROOT) -> Iterator[tuple[str, Node]]:
    """Yield each condition and group with its path."""
    yield path, node
    for index, child in enumerate(node.children):
        yield from walk(child, f"{path}-{index}")
