"""The most that one query may cost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

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

from saleor_stripe_audience.api.paging import LONGEST_PAGE
from saleor_stripe_audience.errors import Rejected

MAX_COST = 20_000  # objects that a response may contain
MAX_FIELDS = 20_000  # with every fragment expanded wherever it is spread; validation visits them all
LISTED = 10  # assumed length of a plain list, such as the lines of an order
LONGER = {"Query.jobs": 50, "Job.problems": 100, "Job.differences": 100}  # plain lists that hold more
COUNT = 100  # the assumed cost of a field that counts rows
COUNTED = {
    "contactsByStatus": COUNT,
    "contactsCount": COUNT,
    "exactTotalCount": COUNT,
    "membersCount": COUNT,
    "segmentPreview": 5_000,  # it may take 20 seconds
    "totalCount": COUNT,
    "totalCountIsExact": COUNT,
}
LEAST = 100  # of a connection: beneath a list it may take a statement for each row
DEEPEST = 40  # fragments within fragments; the schema's own limit of depth is reported afterwards


def check_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> None:
    """`Rejected` if the response could cost too much: nested page sizes multiply."""
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    if _written_out(operation.selection_set.selections, fragments, {}, 0) > MAX_FIELDS:
        raise Rejected(
            "The query's fragments expand to too many fields. Spread them less often.", code="too_complex"
        )
    root = schema.get_root_type(operation.operation)
    if root is None:
        return
    cost = _Cost(schema, fragments, variables).of(operation.selection_set.selections, root)
    if cost > MAX_COST:
        raise Rejected(
            f"This query could cost {cost:,}; the limit is {MAX_COST:,}. Request smaller pages (`first`), "
            "or fewer fields in them.",
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
    known: dict[tuple[str, int], int] = field(default_factory=dict)

    def of(
        self, selections: Iterable[SelectionNode], parent: GraphQLNamedType, depth: int = 0, page: int = 1
    ) -> int:
        """Return the cost beneath one object of the type `parent`; of a connection, with pages of that size."""
        if depth > DEEPEST:
            raise Rejected("The query is nested too deeply.", code="too_complex")
        return sum(self._one(each, parent, depth + 1, page) for each in selections)

    def _one(self, node: SelectionNode, parent: GraphQLNamedType, depth: int, page: int) -> int:
        if isinstance(node, FieldNode):
            return self._field(node, parent, depth, page)
        if isinstance(node, InlineFragmentNode):
            named = node.type_condition.name.value if node.type_condition else parent.name
            kind = self.schema.type_map.get(named, parent)
            return self.of(node.selection_set.selections, kind, depth, page)
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node.name.value, depth, page)
        return 0

    def _spread(self, name: str, depth: int, page: int) -> int:
        """Count a fragment once per page size: repeats must not slow this down."""
        fragment = self.fragments.get(name)
        if fragment is None:
            return 0
        if (name, page) not in self.known:
            self.known[name, page] = 0  # one that spreads itself is refused by the schema; this must only end
            kind = self.schema.type_map.get(fragment.type_condition.name.value)
            inner = fragment.selection_set.selections
            self.known[name, page] = self.of(inner, kind, depth, page) if kind else 0
        return self.known[name, page]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, depth: int, page: int) -> int:
        counting = COUNTED.get(node.name.value, 0)
        if node.selection_set is None or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return counting
        known = parent.fields.get(node.name.value)
        if known is None:
            return 0  # the schema says so itself
        kind = get_named_type(known.type)
        inner = node.selection_set.selections
        if kind.name.endswith("Connection"):
            return max(LEAST, self.of(inner, kind, depth, self._page(node)))
        if parent.name.endswith("Connection"):
            return page * self.of(inner, kind, depth)
        return counting + _length(node, parent, known) * (1 + self.of(inner, kind, depth))

    def _page(self, node: FieldNode) -> int:
        sizes = [
            size
            for argument in node.arguments or ()
            if argument.name.value in ("first", "last")
            for size in [self._number(argument.value)]
            if size is not None
        ]
        return max(1, min(sizes, default=LONGEST_PAGE))

    def _number(self, value: Any) -> int | None:
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, VariableNode):
            given = self.variables.get(value.name.value)
            return given if isinstance(given, int) else None
        return None


def _length(node: FieldNode, parent: GraphQLNamedType, known: GraphQLField) -> int:
    """Return how many objects the field is assumed to return."""
    kind = known.type.of_type if isinstance(known.type, GraphQLNonNull) else known.type
    return LONGER.get(f"{parent.name}.{node.name.value}", LISTED) if is_list_type(kind) else 1
