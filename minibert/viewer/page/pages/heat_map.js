/* A matrix as coloured cells: one row for each token, drawn on a canvas.

    heatMap(page, { id, label, matrix, rowLabels, columnLabels, scale, limit, selected, select })

`alignedWith`: row labels of another map above it, so that the cells line up.

Cells that are large enough show their number. A click or the arrow keys select a cell; the line
below says which one it is, and what it holds. */

import { colourOf, css, inkOn, limitOf, weightLimit } from "./colours.js";
import { element, number, percent, shortened, shown } from "./elements.js";

const FONT = '"Helvetica Neue", Arial, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';

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
    : `${page.t("feature")} ${column + (map.firstColumn || 0)}`;
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
  const within = (i, size) => Math.min(Math.max(i, 0), size - 1);
  select(within(move[0], matrix.rows), within(move[1], matrix.columns));
}

/* Sizes first: labels to the left and on top, and cells that fill the rest of the width. */
function layoutOf(context, total, map) {
  const { matrix, rowLabels, columnLabels } = map;
  context.font = `15px ${FONT}`;
  const widthOf = (text) => context.measureText(text).width;
  const cut = (labels) => labels.map((label) => shortened(shown(label), 12));
  const rowTexts = cut(rowLabels);
  const left = Math.ceil(Math.max(...cut(map.alignedWith || rowLabels).map(widthOf))) + 10;
  let cell = (total - left - 2) / matrix.columns;
  const isSquare = Boolean(columnLabels);
  cell = isSquare ? Math.min(cell, 100) : cell;
  const rowHeight = isSquare ? Math.max(Math.min(cell, 40), 6)
    : Math.max(Math.min(320 / matrix.rows, 34), 16);
  const columnTexts = isSquare ? cut(columnLabels) : [];
  const longest = Math.max(0, ...columnTexts.map(widthOf));
  const isTilted = longest > cell - 6;
  const isLabelled = isSquare && cell >= 15;
  const top = isLabelled ? (isTilted ? Math.ceil(longest * 0.87) + 14 : 24) : 4;
  const right = isTilted && isLabelled ? Math.min(longest / 2, 60) : 0;
  if (right && cell * matrix.columns + left + right > total) {
    cell = (total - left - right - 2) / matrix.columns;
  }
  return {
    left, top, cell, rowHeight, rowTexts, columnTexts: isLabelled ? columnTexts : [], isTilted,
    width: cell * matrix.columns, height: rowHeight * matrix.rows,
  };
}

function drawMap(canvas, map) {
  const total = canvas.clientWidth;
  if (!total) return;
  const context = canvas.getContext("2d");
  const layout = layoutOf(context, total, map);
  canvas.layout = layout;
  const ratio = window.devicePixelRatio || 1;
  canvas.style.height = `${layout.top + layout.height + 3}px`;
  canvas.width = Math.round(total * ratio);
  canvas.height = Math.round((layout.top + layout.height + 3) * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawCells(context, map, layout, ratio);
  drawLabels(context, map, layout, getComputedStyle(canvas).color);
  if (layout.cell >= 36 && layout.rowHeight >= 18) drawNumbers(context, map, layout);
  if (map.selected) drawSelection(context, map, layout, getComputedStyle(canvas).color);
}

/* The cells as a small image, stretched. Where there are more columns than pixels, a pixel shows
the largest number that it stands for. */
function drawCells(context, map, { left, top, width, height }, ratio) {
  const { matrix, scale, limit } = map;
  const across = Math.min(matrix.columns, Math.max(1, Math.floor(width * ratio)));
  const image = new ImageData(across, matrix.rows);
  const colour = colourOf(scale || "signed", limit);
  for (let i = 0; i < matrix.rows; i += 1) {
    for (let x = 0; x < across; x += 1) {
      const first = Math.floor(x * matrix.columns / across);
      const end = Math.max(first + 1, Math.floor((x + 1) * matrix.columns / across));
      let value = matrix.at(i, first);
      for (let j = first + 1; j < end; j += 1) {
        if (Math.abs(matrix.at(i, j)) > Math.abs(value)) value = matrix.at(i, j);
      }
      image.data.set([...colour(value), 255], 4 * (i * across + x));
    }
  }
  const small = new OffscreenCanvas(across, matrix.rows);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, left, top, width, height);
}

function drawLabels(context, map, layout, ink) {
  const { left, top, cell, rowHeight, rowTexts, columnTexts, isTilted } = layout;
  context.fillStyle = ink;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const every = Math.max(1, Math.ceil(15 / rowHeight));
  rowTexts.forEach((text, i) => {
    const isSelected = map.selected && map.selected.row === i;
    // Where rows are low, some labels are left out, and those beside the selected one's.
    const isNear = map.selected && Math.abs(map.selected.row - i) < every;
    if (!isSelected && (i % every || isNear)) return;
    context.font = `${isSelected ? "bold " : ""}${Math.min(15, Math.max(rowHeight, 12))}px ${FONT}`;
    context.fillText(text, left - 6, top + (i + 0.5) * rowHeight, left - 6);
  });
  columnTexts.forEach((text, j) => {
    const isSelected = map.selected && map.selected.column === j;
    context.font = `${isSelected ? "bold " : ""}15px ${FONT}`;
    context.save();
    context.translate(left + (j + 0.5) * cell, top - (isTilted ? 6 : 12));
    context.textAlign = isTilted ? "left" : "center";
    if (isTilted) context.rotate(-Math.PI / 3);
    context.fillText(text, 0, 0);
    context.restore();
  });
}

function drawNumbers(context, map, { left, top, cell, rowHeight }) {
  const colour = colourOf(map.scale || "signed", map.limit);
  context.font = `${cell >= 54 ? 15 : cell >= 44 ? 13 : 12}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let i = 0; i < map.matrix.rows; i += 1) {
    for (let j = 0; j < map.matrix.columns; j += 1) {
      const value = map.matrix.at(i, j);
      context.fillStyle = inkOn(colour(value));
      const text = number(value, Math.abs(value) < 10 ? 2 : 1);
      context.fillText(text, left + (j + 0.5) * cell, top + (i + 0.5) * rowHeight, cell - 4);
    }
  }
}

function drawSelection(context, { selected, matrix }, layout, ink) {
  const { left, top, cell, rowHeight, width } = layout;
  const [x, y] = [left + selected.column * cell, top + selected.row * rowHeight];
  context.strokeStyle = ink;
  context.lineWidth = 1;
  context.strokeRect(left, y, width, rowHeight);
  context.lineWidth = 3;
  const wide = Math.max(cell, 4);
  context.strokeRect(Math.min(x, left + width - wide), y, wide, rowHeight);
}

/* The scale, from its lowest colour to its highest. */
export function legend(scale, limit) {
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
export function lens(page, { id, matrix, selected, select, limit, scale = "signed", firstColumn = 0 }) {
  const count = Math.min(matrix.columns, window.innerWidth < 700 ? 5 : 7);
  const first = Math.min(Math.max(selected.column - (count >> 1), 0), matrix.columns - count);
  const colour = colourOf(scale, limit || mapLimit(matrix, scale));
  const cells = Array.from({ length: count }, (_, k) => {
    const column = first + k;
    const value = matrix.at(selected.row, column);
    const background = colour(value);
    return element("button", {
      id: `${id}-${column}`, type: "button", class: "lens-cell",
      "aria-pressed": String(column === selected.column), onclick: () => select(selected.row, column),
      style: `background: ${css(background)}; color: ${inkOn(background)}`,
    }, element("small", {}, column + firstColumn), number(value));
  });
  return element("div", { class: "lens", role: "group", "aria-label": page.t("lens"), translate: "no" },
    cells);
}
