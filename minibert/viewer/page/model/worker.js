/* BERT in a thread of its own, so that the page never freezes.

    first message    {config, tensors, bytes}
    then             {id, ids, segments, changes}  ->  {id, intermediates, mlm, nsp, ms}
                     or, if it fails,                  {id, error} */

import { compute } from "./compute.js";
import { Bert } from "./model.js";
import { createWeights } from "./weights.js";

let bert = null;

onmessage = ({ data }) => {
  if (data.config) {
    bert = new Bert(data.config, createWeights(data.tensors, data.bytes));
    return;
  }
  try {
    const found = compute(bert, data);
    const buffers = Object.values(found.intermediates).map((value) => value.data.buffer);
    postMessage({ id: data.id, ...found }, [...new Set(buffers)]);
  } catch (error) {
    postMessage({ id: data.id, error: String(error) });
  }
};
