"""A Saleor to try the app with: in memory, strict, over real HTTP, and as the real one was observed."""

from .sandbox import SaleorSandbox

__all__ = ["SaleorSandbox"]
