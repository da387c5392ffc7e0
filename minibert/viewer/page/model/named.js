/* A name for a value inside a formula (minibert/named.py).

Values are tensors: {shape, data}, the numbers row by row in a Float32Array. B, the batch, is 1.

`named(name, value)` is handed down through the model. It puts the value into `intermediates` under
the textbook's name, and returns it; or, if there is a patch of that name, what the patch makes of
it. Everything that is computed later reads the new value. */

export function tensor(shape, data) {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: data || new Float32Array(size) };
}

export function createNamed(intermediates, patches = {}) {
  return (name, value) => {
    const kept = name in patches ? patches[name](value) : value;
    intermediates[name] = kept;
    return kept;
  };
}

/* The same `named` inside a part: inPart(named, "attention")("probs", …) is "attention.probs". */
export function inPart(named, part) {
  return (name, value) => named(`${part}.${name}`, value);
}

export function add(x, y) {
  return tensor(x.shape, x.data.map((number, i) => number + y.data[i]));
}
