"""Small bar charts as SVG, rendered here because the page's policy allows neither drawing by scripts nor inline
styles.
"""

from dataclasses import dataclass

from saleor_stripe_audience.dashboard.figures import Series

WIDTH, HEIGHT = 240, 40
GAP = 2
LEAST = 2  # a bar that is not zero must be visible


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: int
    width: int
    height: int

    @property
    def path(self) -> str:
        """The bar as a part of an SVG path: all bars of a chart are one element."""
        return f"M{self.x} {self.y}h{self.width}v{self.height}h-{self.width}z"


def bars_of(series: Series) -> list[Bar]:
    """Return a bar for each day that is not 0, with its height relative to the highest."""
    highest = max(series.values, default=0)
    step = WIDTH // max(1, len(series.values))
    bars = []
    for number, value in enumerate(series.values):
        if value > 0:
            height = max(LEAST, round(HEIGHT * value / highest))
            bars.append(Bar(number * step, HEIGHT - height, step - GAP, height))
    return bars


def path_of(series: Series) -> str:
    """The bars of the series as one path."""
    return "".join(bar.path for bar in bars_of(series))
