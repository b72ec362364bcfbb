"""A Saleor to try the app against: in memory, strict, over real HTTP, behaving as the genuine host was observed to."""

from .sandbox import SaleorSandbox

__all__ = ["SaleorSandbox"]
