/* A matrix as coloured cells: one row for each token, drawn on a canvas.

    heatMap(page, { id, label, matrix, rowLabels, columnLabels, scale, limit, selected, select })

`alignedWith`: row labels of another map above it, so that the cells line up.

Cells that are large enough show their number. A click or the arrow keys select a cell; the line
below says which one it is, and what it holds. */

import { colourOf, css, inkOn, limitOf, weightLimit } from "./colours.js";
import { drawCells, drawMap } from "./drawing.js";
import { element, number, percent, shortened, shown } from "./elements.js";
import { within } from "./vectors.js";

export function heatMap(page, options) {
  const { matrix, scale = "signed", selected, select } = options;
  const map = { columnLabels: null, ...options, limit: options.limit || mapLimit(matrix, scale) };
  const canvas = element("canvas", {
    id: map.id, class: "heat-map", tabindex: select ? 0 : null,
    role: select ? "application" : "img", "aria-label": map.label,
  });
  const readout = element("output", { class: "readout", for: map.id, translate: "no" });
  const tell = (row, column) => { readout.textContent = describe(page, map, row, column); };
  if (selected) tell(selected.row, selected.column);
  const cellAt = (event) => {
    if (!canvas.layout) return null; // not drawn yet
    const box = canvas.getBoundingClientRect();
    const { left, top, width, height } = canvas.layout;
    const column = Math.floor((event.clientX - box.left - left) / width * matrix.columns);
    const row = Math.floor((event.clientY - box.top - top) / height * matrix.rows);
    const inside = row >= 0 && column >= 0 && row < matrix.rows && column < matrix.columns;
    return inside ? [row, column] : null;
  };
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    if (cell) tell(...cell);
  });
  canvas.addEventListener("pointerleave", () => {
    if (selected) tell(selected.row, selected.column);
  });
  if (select) {
    canvas.addEventListener("click", (event) => {
      const cell = cellAt(event);
      if (cell) select(...cell);
    });
    canvas.addEventListener("keydown", (event) => moveSelection(event, map));
  }
  canvas.draw = () => drawMap(canvas, map);
  new ResizeObserver(canvas.draw).observe(canvas);
  return element("figure", { class: "map-figure" }, canvas,
    element("figcaption", {}, readout, legend(scale, map.limit)));
}

function mapLimit(matrix, scale) {
  return scale === "signed" ? limitOf(matrix) : weightLimit(matrix.columns);
}

function describe(page, map, row, column) {
  const name = map.columnLabels ? shown(map.columnLabels[column])
    : `${page.t("feature")} ${column}`;
  const value = map.matrix.at(row, column);
  const text = map.scale === "weight" ? `${number(value)} = ${percent(value)}` : number(value, 4);
  return `${shortened(shown(map.rowLabels[row]), 24)} → ${shortened(name, 24)}:  ${text}`;
}

/* Arrow keys: one cell; with Shift ten. Home and End: first and last column. */
function moveSelection(event, { matrix, selected, select }) {
  const step = event.shiftKey ? 10 : 1;
  const { row, column } = selected || { row: 0, column: 0 };
  const moves = {
    ArrowLeft: [row, column - step], ArrowRight: [row, column + step],
    ArrowUp: [row - step, column], ArrowDown: [row + step, column],
    Home: [row, 0], End: [row, matrix.columns - 1],
  };
  const move = moves[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  select(within(move[0], matrix.rows), within(move[1], matrix.columns));
}

/* The scale, from its lowest colour to its highest. */
function legend(scale, limit) {
  const colour = colourOf(scale, limit);
  const low = scale === "signed" ? -limit : 0;
  const stops = Array.from({ length: 9 }, (_, i) => css(colour(low + (limit - low) * i / 8)));
  return element("span", { class: "legend", "aria-hidden": "true", translate: "no" },
    element("span", {}, number(low, low && limit < 1 ? 2 : limit % 1 ? 1 : 0)),
    element("span", { class: "bar", style: `background: linear-gradient(to right, ${stops})` }),
    element("span", {}, number(limit, limit < 1 ? 2 : limit % 1 ? 1 : 0)));
}

/* A small picture of a matrix, without labels or numbers. */
export function thumbnail(matrix, scale, width, height) {
  const limit = mapLimit(matrix, scale);
  const canvas = element("canvas", { class: "thumbnail", "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const box = { left: 0, top: 0, width: canvas.width, height: canvas.height };
  drawCells(canvas.getContext("2d"), { matrix, scale, limit }, box, 1);
  return canvas;
}

/* The cells around the selected one, large enough to read: a magnifying glass for wide rows. */
export function lens(page, { id, matrix, selected, select, limit }) {
  const count = Math.min(matrix.columns, window.innerWidth < 700 ? 5 : 7);
  const first = within(selected.column - (count >> 1), matrix.columns - count + 1);
  const colour = colourOf("signed", limit || limitOf(matrix));
  const cells = Array.from({ length: count }, (_, k) => {
    const column = first + k;
    const value = matrix.at(selected.row, column);
    const background = colour(value);
    return element("button", {
      id: `${id}-${column}`, type: "button", class: "lens-cell",
      "aria-pressed": String(column === selected.column),
      style: `background: ${css(background)}; color: ${inkOn(background)}`,
      onclick: () => select(selected.row, column),
    }, element("small", {}, column), number(value));
  });
  const attributes = { class: "lens", role: "group", "aria-label": page.t("lens") };
  return element("div", { ...attributes, translate: "no" }, cells);
}
