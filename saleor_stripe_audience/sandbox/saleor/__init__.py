"""A Saleor stand-in to try the app with: in memory, strict, over real HTTP, and behaving as the real one was observed
to.
"""

from .sandbox import SaleorSandbox

__all__ = ["SaleorSandbox"]
