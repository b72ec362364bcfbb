"""A stand-in for Saleor, to try the app: in memory, strict, over real HTTP, and behaving as the real Saleor was
observed to.
"""

from .sandbox import SaleorSandbox

__all__ = ["SaleorSandbox"]
