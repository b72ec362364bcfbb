"""Fragments that a GraphQL document uses but does not define: the library's depth limit crashes on them."""

from graphql import FragmentDefinitionNode, FragmentSpreadNode, GraphQLError, Visitor, parse, visit
from graphql.language import DocumentNode


class _Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.names.add(node.name.value)


def undefined_fragments(document: DocumentNode) -> list[str]:
    """Their names, in order."""
    spreads = _Spreads()
    visit(document, spreads)
    defined = {each.name.value for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return sorted(spreads.names - defined)


def has_undefined_fragments(query: str, max_tokens: int) -> bool:
    """Whether a parsable query uses any; the schema itself reports what is wrong with others."""
    try:
        return bool(undefined_fragments(parse(query, max_tokens=max_tokens)))
    except (GraphQLError, RecursionError):
        return False
