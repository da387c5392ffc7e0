"""One style for all diagrams: boxes, rows of cells and arrows on a light card, written as SVG.

The card has its own background, so that a diagram reads the same on a white and on a dark page.
"""

from dataclasses import dataclass
from html import escape
from itertools import pairwise

INK, GREY, CARD, EDGE = "#1f2328", "#57606a", "#ffffff", "#d0d7de"
# kind -> its colour, its edge, what the legend at the bottom calls it
KINDS = {
    "data": ("#dbeafe", "#1d4ed8", "numbers"),
    "weights": ("#dcfce7", "#15803d", "learned weights"),
    "step": ("#fef3c7", "#b45309", "a step"),
    "result": ("#ede9fe", "#6d28d9", "what comes out"),
    "gradient": ("#ede9fe", "#6d28d9", "gradients"),
    "mistake": ("#fee2e2", "#b91c1c", "a mistake"),
    "special": ("#fce7f3", "#be185d", "special tokens"),
    "padding": ("#eaeef2", "#8c959f", "padding"),
    "unused": ("#eaeef2", "#8c959f", "not used"),
    "frozen": ("#e0f2f1", "#0f766e", "frozen weights"),
}
NAME, SMALL, LINE = 17, 15, 21  # sizes of letters, and the height of a line
# Letters first, then Chinese characters on macOS, Windows and Linux.
CHINESE = "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Zen Hei'"
CHINESE_FONTS = f"""<style>
text {{ font-family: Helvetica, Arial, {CHINESE}, sans-serif; }}
text[font-family=monospace] {{
font-family: Menlo, Consolas, 'DejaVu Sans Mono', {CHINESE}, monospace;
}}
</style>"""


@dataclass(frozen=True)
class Text:
    x: float
    y: float  # the baseline
    words: str
    size: int
    anchor: str  # start, middle or end
    is_shape: bool  # in letters of equal width
    is_name: bool  # in bold letters


@dataclass(frozen=True)
class Box:
    x: float  # the middle
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


def width_of(words: str, size: int) -> float:
    """Wide enough in every usual font; a Chinese character is as wide as it is high."""
    return sum(1.0 if ord(letter) > 0x2E80 else 0.64 for letter in words) * size


class Diagram:
    """A card to draw on. Every method puts something onto it; `svg` is the whole file."""

    def __init__(self, title: str, height: int, width: int = 960) -> None:
        self.title, self.width, self.height = title, width, height
        self.shapes: list[str] = []
        self.texts: list[Text] = []
        self.kinds: set[str] = set()

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: int = SMALL,
        anchor: str = "middle",
        name: bool = False,
    ) -> None:
        """One line with its middle at the height y; what is all in brackets is a shape."""
        is_token = words in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")
        is_shape = words.startswith("[") and words.endswith("]") and not is_token
        self.texts.append(Text(x, y + 0.35 * size, words, size, anchor, is_shape, name))

    def note(self, x: float, y: float, *lines: str, anchor: str = "middle") -> None:
        """Words beside an arrow or a box."""
        for i, line in enumerate(lines):
            self.text(x, y + LINE * (i - (len(lines) - 1) / 2), line, anchor=anchor)

    def rectangle(self, box: Box, kind: str, radius: int = 8) -> None:
        fill, edge, _ = KINDS[kind]
        self.kinds.add(kind)
        self.shapes.append(
            f'<rect x="{box.left:g}" y="{box.top:g}" '
            f'width="{box.width:g}" height="{box.height:g}" rx="{radius}" fill="{fill}" '
            f'stroke="{edge}" stroke-width="1.5"/>'
        )

    def box(
        self,
        x: float,
        y: float,
        *lines: str,
        kind: str = "data",
        width: float = 0,
        height: float = 0,
        behind: int = 0,
    ) -> Box:
        """A box around its lines: the first is its name. `behind`: so many copies behind it."""
        widest = max(
            width_of(line, NAME if i == 0 else SMALL) for i, line in enumerate(lines or [""])
        )
        box = Box(x, y, width or widest + 24, height or LINE * len(lines) + 18)
        for i in range(behind, 0, -1):
            self.rectangle(Box(x + 6 * i, y - 6 * i, box.width, box.height), kind)
        self.rectangle(box, kind)
        for i, line in enumerate(lines):
            size = NAME if i == 0 else SMALL
            self.text(x, y + LINE * (i - (len(lines) - 1) / 2), line, size=size, name=i == 0)
        return box

    def frame(self, left: float, top: float, right: float, bottom: float, words: str) -> Box:
        """A grey frame around several boxes, with its name in the upper left corner."""
        box = Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        self.shapes.append(
            f'<rect x="{left:g}" y="{top:g}" width="{box.width:g}" height="{box.height:g}" '
            f'rx="10" fill="#f6f8fa" stroke="{EDGE}" stroke-width="1.5"/>'
        )
        self.text(left + 12, top + 17, words, anchor="start", name=True)
        return box

    def cells(
        self,
        x: float,
        y: float,
        rows: list[list[str]],
        *,
        width: float = 66,
        height: float = 30,
        kinds: str | list[str] = "data",
        shades: list[list[float]] | None = None,
    ) -> Box:
        """A table of small cells around the point (x, y).

        `kinds` is a kind for all cells, or for each row its columns' kinds with spaces between.
        With `shades` a cell is the darker the larger its number, 0 to 1.
        """
        columns = len(rows[0])
        each = [kinds] * len(rows) if isinstance(kinds, str) else kinds
        left, top = x - width * columns / 2, y - height * len(rows) / 2
        for i, row in enumerate(rows):
            for j, words in enumerate(row):
                cell = Box(left + width * (j + 0.5), top + height * (i + 0.5), width, height)
                kind = (each[i].split() * columns)[j]
                self.rectangle(cell, kind, radius=0)
                if shades:
                    shade = f'fill="#1d4ed8" fill-opacity="{0.6 * shades[i][j]:g}"'
                    self.shapes[-1] = self.shapes[-1].replace(f'fill="{KINDS[kind][0]}"', shade)
                if words:
                    self.text(cell.x, cell.y, words)
        return Box(x, y, width * columns, height * len(rows))

    def line(self, *points: tuple[float, float], arrow: bool = True) -> None:
        """A line through the points, with an arrow at its end."""
        d = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.shapes.append(f'<path d="{d}" fill="none" stroke="{GREY}" stroke-width="2"{end}/>')

    def arrow(self, start: Box, end: Box) -> None:
        """From a box to a box: straight where they face each other, otherwise with two corners."""
        if start.right < end.left or end.right < start.left:  # beside each other
            a, b = (start.right, end.left) if start.x < end.x else (start.left, end.right)
            far = abs(start.y - end.y) > max(start.height, end.height) / 2
            y = start.y if start.height < end.height else end.y
            middle = (a + b) / 2
            if far:
                self.line((a, start.y), (middle, start.y), (middle, end.y), (b, end.y))
            else:
                self.line((a, y), (b, y))
        else:  # above each other
            a, b = (start.bottom, end.top) if start.y < end.y else (start.top, end.bottom)
            x = start.x if start.width < end.width else end.x
            self.line((x, a), (x, b))

    def chain(self, *boxes: Box) -> None:
        """Arrows from each box to the next."""
        for start, end in pairwise(boxes):
            self.arrow(start, end)

    def svg(self, words: dict[str, str] | None = None) -> str:
        """The file. `words` puts these words in Chinese."""
        said = {} if words is None else words
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img">',
            f"<title>{escape(said.get(self.title, self.title))}</title>",
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            f'markerHeight="8" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" '
            f'fill="{GREY}"/></marker></defs>',
            f'<rect x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="14" '
            f'fill="{CARD}" stroke="{EDGE}" stroke-width="2"/>',
            *self.shapes,
        ]
        if words is not None:
            parts.insert(1, CHINESE_FONTS)
        for text in [*self.texts, *self.legend(said)]:
            family = "monospace" if text.is_shape else "sans-serif"
            weight = "bold" if text.is_name else "normal"
            parts.append(
                f'<text x="{text.x:g}" y="{text.y:g}" font-family="{family}" '
                f'font-size="{text.size}" font-weight="{weight}" text-anchor="{text.anchor}" '
                f'fill="{INK}">'
                f"{escape(said.get(text.words, text.words))}</text>"
            )
        for kind, x in self.places_of_kinds(said).items():
            fill, edge, _ = KINDS[kind]
            parts.append(
                f'<rect x="{x:g}" y="{self.height - 31}" width="16" height="16" rx="4" '
                f'fill="{fill}" stroke="{edge}" stroke-width="1.5"/>'
            )
        return "\n".join([*parts, "</svg>", ""])

    def places_of_kinds(self, said: dict[str, str]) -> dict[str, float]:
        """Where the legend's little boxes stand, from left to right."""
        places, x = {}, 24.0
        for kind, (_, _, words) in KINDS.items():
            if kind in self.kinds:
                places[kind] = x
                x += 22 + width_of(said.get(words, words), SMALL) + 20
        return places

    def legend(self, said: dict[str, str]) -> list[Text]:
        return [
            Text(x + 24, self.height - 18, KINDS[kind][2], SMALL, "start", False, False)
            for kind, x in self.places_of_kinds(said).items()
        ]
