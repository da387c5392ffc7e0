/* Two scales, the same on every page: one for signed numbers, one for weights from 0 to 1.

Signed: orange is negative, blue positive, paper 0. Weights: paper is 0, violet 1. People who cannot
tell red from green can tell these apart. */

const STOPS = {
  light: {
    signed: ["#8a3c00", "#d9772b", "#f5cfa8", "#faf8f4", "#b5d3ee", "#3f83c4", "#083f7d"],
    weight: ["#faf8f4", "#dccdf0", "#b394dc", "#8453bf", "#4b1d86"],
  },
  dark: {
    signed: ["#ffb877", "#d0742c", "#6b3d1c", "#20232b", "#1f4568", "#3f8ad0", "#9fd0ff"],
    weight: ["#20232b", "#43305f", "#6f4aa3", "#a37fda", "#dcc8ff"],
  },
};

export function theme() {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function channels(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

/* share 0 … 1 along the stops -> [red, green, blue]. */
function between(stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(place), stops.length - 2);
  const [low, high] = [channels(stops[i]), channels(stops[i + 1])];
  return low.map((channel, k) => Math.round(channel + (high[k] - channel) * (place - i)));
}

/* value -> [red, green, blue]. `limit` is where the strongest colour is reached. */
export function colourOf(scale, limit) {
  const stops = STOPS[theme()][scale];
  const table = Array.from({ length: 512 }, (_, i) => between(stops, i / 511));
  const low = scale === "signed" ? -limit : 0;
  return (value) => {
    const share = (value - low) / (limit - low || 1);
    return table[Math.min(Math.max(Math.round(511 * share), 0), 511)];
  };
}

export function css([red, green, blue]) {
  return `rgb(${red}, ${green}, ${blue})`;
}

/* Black or white, whichever is easier to read on the colour (WCAG's contrast). */
export function inkOn(colour) {
  const [red, green, blue] = colour.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance > 0.18 ? "#000000" : "#ffffff";
}

/* The limit of a row of weights that sum to 1: in a long sentence none of them is near 1. */
export function weightLimit(tokens) {
  return Math.min(1, Math.round(1600 / tokens) / 100);
}

/* The limit of a signed matrix: 99 of 100 of its numbers fit under it, so that one
outlier does not make the rest pale. Of a large matrix a sample of its numbers says enough. */
export function limitOf(matrix) {
  const count = matrix.rows * matrix.columns;
  const step = Math.max(1, Math.floor(count / 5000));
  const sizes = new Float64Array(Math.ceil(count / step)).map((_, k) => {
    const i = k * step;
    return Math.abs(matrix.at(Math.floor(i / matrix.columns), i % matrix.columns));
  }).filter(Number.isFinite).sort();
  const limit = sizes[Math.floor(0.99 * (sizes.length - 1))] || sizes[sizes.length - 1] || 1;
  const unit = 10 ** Math.floor(Math.log10(limit));
  return Math.ceil((limit / unit) * 2) / 2 * unit;
}
