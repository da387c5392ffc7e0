/* How a heat map is drawn: sizes, cells, labels, numbers, and the selection. */

import { colourOf, inkOn } from "./colours.js";
import { element, number, shortened, shown } from "./elements.js";

const FONT = 'Arial, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';

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

export function drawMap(canvas, map) {
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
export function drawCells(context, map, { left, top, width, height }, ratio) {
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
  const small = element("canvas", { width: across, height: matrix.rows });
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
