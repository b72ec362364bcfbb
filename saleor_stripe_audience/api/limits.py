"""Limits for a caller: the cost of a query, and the number of requests in a minute."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    get_named_type,
    is_list_type,
)
from graphql.language import DocumentNode
from graphql.type import GraphQLField, GraphQLNamedType, GraphQLNonNull

from saleor_stripe_audience.api.models import RequestCount
from saleor_stripe_audience.api.paging import LONGEST_PAGE
from saleor_stripe_audience.errors import Rejected

MAX_COST = 20_000  # objects that a response may contain
MAX_FIELDS = 20_000  # with every fragment expanded wherever it is spread; validation visits them all
LISTED = 10  # assumed length of a plain list, such as the lines of an order
COUNTED = frozenset({"contactsByStatus", "contactsCount", "exactTotalCount", "membersCount"})
COUNT = 100  # assumed cost of a field that counts rows
PAGING = ("Connection", "Edge", "PageInfo")  # not counted: they only hold what is
DEEPEST = 40  # fragments within fragments; the schema's own depth limit is checked later
SECONDS = 60
KEPT_MINUTES = 60


def take_one(caller: str) -> int:
    """Count one request of the caller; return the seconds to wait if it exceeds this minute's limit, else 0."""
    now = int(time.time())
    minute = now // SECONDS
    if _counted(caller, minute) <= settings.API_REQUESTS_PER_MINUTE:
        return 0
    return SECONDS - now % SECONDS


def _counted(caller: str, minute: int) -> int:
    mine = RequestCount.objects.filter(caller=caller, minute=minute)
    if not mine.update(count=F("count") + 1):
        try:
            with transaction.atomic():
                return RequestCount.objects.create(caller=caller, minute=minute, count=1).count
        except IntegrityError:  # another process was first
            mine.update(count=F("count") + 1)
    return mine.values_list("count", flat=True).get()


def forget_old_counts() -> int:
    """Delete the counts of past minutes; returns how many."""
    before = int(time.time()) // SECONDS - KEPT_MINUTES
    return RequestCount.objects.filter(minute__lt=before).delete()[0]


def check_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> None:
    """`Rejected` if the response could contain too many objects: nested page sizes multiply."""
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    if _written_out(operation.selection_set.selections, fragments, {}, 0) > MAX_FIELDS:
        raise Rejected(
            "The query's fragments multiply to too many fields. Spread them less often.", code="too_complex"
        )
    root = schema.get_root_type(operation.operation)
    if root is None:
        return
    cost = _Cost(schema, fragments, variables).of(operation.selection_set.selections, root)
    if cost > MAX_COST:
        raise Rejected(
            f"This query could return {cost:,} objects; the limit is {MAX_COST:,}. Request smaller pages (`first`), "
            "or for less beneath them.",
            code="too_complex",
        )


def _written_out(
    selections: Iterable[SelectionNode],
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, int],
    depth: int,
) -> int:
    """Count the fields of the selections with fragments expanded; each fragment is visited only once."""
    if depth > DEEPEST:
        raise Rejected("The query is nested too deeply.", code="too_complex")
    total = 0
    for node in selections:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in fragments and name not in known:
                known[name] = 0  # one that spreads itself is refused by the schema
                inner = fragments[name].selection_set.selections
                known[name] = _written_out(inner, fragments, known, depth + 1)
            total += known.get(name, 0) + 1
        elif isinstance(node, FieldNode | InlineFragmentNode):
            inner = node.selection_set.selections if node.selection_set else ()
            total += 1 + _written_out(inner, fragments, known, depth + 1)
    return total


@dataclass
class _Cost:
    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]
    known: dict[str, int] = field(default_factory=dict)

    def of(self, selections: Iterable[SelectionNode], parent: GraphQLNamedType, depth: int = 0) -> int:
        """Count the objects beneath one object of the type `parent`."""
        if depth > DEEPEST:
            raise Rejected("The query is nested too deeply.", code="too_complex")
        return sum(self._one(each, parent, depth + 1) for each in selections)

    def _one(self, node: SelectionNode, parent: GraphQLNamedType, depth: int) -> int:
        if isinstance(node, FieldNode):
            return self._field(node, parent, depth)
        if isinstance(node, InlineFragmentNode):
            named = node.type_condition.name.value if node.type_condition else parent.name
            return self.of(node.selection_set.selections, self.schema.type_map.get(named, parent), depth)
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node.name.value, depth)
        return 0

    def _spread(self, name: str, depth: int) -> int:
        """Count a fragment once: it costs the same wherever it is spread, and repeats must not slow this down."""
        fragment = self.fragments.get(name)
        if fragment is None:
            return 0
        if name not in self.known:
            self.known[name] = 0  # one that spreads itself is refused by the schema; here it must only end
            kind = self.schema.type_map.get(fragment.type_condition.name.value)
            self.known[name] = self.of(fragment.selection_set.selections, kind, depth) if kind else 0
        return self.known[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, depth: int) -> int:
        counting = COUNT if node.name.value in COUNTED else 0
        if node.selection_set is None or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return counting
        known = parent.fields.get(node.name.value)
        if known is None:
            return 0  # the schema says so itself
        kind = get_named_type(known.type)
        beneath = self.of(node.selection_set.selections, kind, depth)
        return counting + self._times(node, known) * (beneath + (not kind.name.endswith(PAGING)))

    def _times(self, node: FieldNode, known: GraphQLField) -> int:
        if get_named_type(known.type).name.endswith("Connection"):
            return self._page(node)
        kind = known.type.of_type if isinstance(known.type, GraphQLNonNull) else known.type
        is_edges = node.name.value in ("edges", "nodes")  # the connection has counted them
        return LISTED if is_list_type(kind) and not is_edges else 1

    def _page(self, node: FieldNode) -> int:
        sizes = [
            size
            for argument in node.arguments or ()
            if argument.name.value in ("first", "last")
            for size in [self._number(argument.value)]
            if size is not None
        ]
        return max(0, min(sizes, default=LONGEST_PAGE))

    def _number(self, value: Any) -> int | None:
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, VariableNode):
            given = self.variables.get(value.name.value)
            return given if isinstance(given, int) else None
        return None
