"""A Saleor to try the app against: in memory, strict, over real HTTP, as the genuine host was observed."""

from .sandbox import SaleorSandbox

__all__ = ["SaleorSandbox"]
