/* One forward pass, and the milliseconds that it took. */

export function compute(bert, { ids, segments, changes }) {
  const began = performance.now();
  const found = bert.forward(ids, segments, { changes });
  return { ...found, ms: performance.now() - began };
}
