/* What the page has of BERT.

    const runner = createRunner(readBundle(document));
    const result = await runner.run("The cat sat.", "It slept.", { headsOff: [[0, 2]] });

`bundle` is what minibert/viewer/build.py put into the page: the JSON in <script id="bundle">

    config     the keys of config.json
    vocab      the pieces, in the order of their ids
    settings   of the tokenizer (tokenizer.js)
    tensors    name -> {shape, start: its first number}
    lines      name without its layer -> {formula, location: "minibert/attention.py:103", source,
               inside}: the line of the textbook that computes it; for the tokenizer, too:
               "words.clean" …, "wordpiece.split_word", "tokenizer.make_rows"
    start      {text, textPair, lang, model: its name, note: what must be known of it, version}

and with it `bytes`, the float16 numbers of all tensors (<script id="weights">, base64), and
`worker`, the source of worker.js with all that it needs (<script id="worker">).

`run` gives a promise of

    ids, segments, tokens, isUnknown, sources, texts, cut    what Tokenizer.encode gives
    intermediates    name -> {shape, data: Float32Array}, the names of model.js
    mlm              for each position its five likeliest pieces, [{id, token, logit, prob}, …]; or
                     null, if the model has no MLM head
    nsp              {isNext, isRandom}, two probabilities; or null, if the model has no such head
    ms               of the forward pass

`changes` are those of model.js, and also

    ids, segments    arrays that replace the tokenizer's: a masked token, two exchanged, segments
                     exchanged */

import { compute } from "./compute.js";
import { Bert } from "./model.js";
import { Tokenizer } from "./tokenizer.js";
import { createWeights } from "./weights.js";

export function readBundle(page) {
  const content = (id) => page.getElementById(id).textContent;
  const binary = atob(content("weights").trim());
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0)).buffer;
  return { ...JSON.parse(content("bundle")), bytes, worker: content("worker") };
}

export function createRunner(bundle) {
  const { config, vocab, lines, start } = bundle;
  const tokenizer = new Tokenizer(vocab, bundle.settings);
  const weights = createWeights(bundle.tensors, bundle.bytes);
  const bert = new Bert(config, weights);
  const forward = startWorker(bundle, (request) => compute(bert, request));
  const tokenOf = (id) => vocab[id] ?? `#${id}`; // a model may have more rows than pieces
  const withToken = (guess) => ({ ...guess, token: tokenOf(guess.id) });

  async function run(text, textPair = null, changes = {}) {
    const row = tokenizer.encode(text, textPair);
    const ids = changes.ids || row.ids;
    const segments = changes.segments || row.segments;
    const found = await forward({ ids, segments, changes });
    return {
      ...row, ids, segments, tokens: ids.map(tokenOf),
      intermediates: found.intermediates,
      mlm: found.mlm && found.mlm.map((guesses) => guesses.map(withToken)),
      nsp: found.nsp && { isNext: found.nsp[0], isRandom: found.nsp[1] },
      ms: found.ms,
    };
  }

  /* The MLM head read early, on the vector of one token: [{id, token, logit, prob}, …]; null if the
  model has no MLM head. */
  function mlmAt(hidden, k = 5) {
    return weights.has("mlm.bias") ? bert.mlmAt(hidden, k).map(withToken) : null;
  }

  /* `weight(name)`: a tensor by its name in Python's state_dict; `weight.has(name)`. */
  return { config, vocab, lines, start, tokenizer, weight: weights, run, mlmAt };
}

/* A function that computes a request in the worker: request -> promise of the answer.

Some browsers start no worker from a file. Then the page's own thread computes, by `computeHere`. */
function startWorker({ config, tensors, bytes, worker: source }, computeHere) {
  const waiting = new Map();
  let last = 0;
  let worker = null;
  const giveUp = () => {
    worker = null;
    waiting.forEach(({ request, resolve, reject }) => here(request).then(resolve, reject));
    waiting.clear();
  };
  const here = async (request) => computeHere(request);
  try {
    worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    worker.onerror = giveUp;
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.error) reject(new Error(data.error));
      else resolve(data);
    };
    worker.postMessage({ config, tensors, bytes });
  } catch {
    giveUp();
  }
  return (request) => {
    if (!worker) return here(request);
    last += 1;
    const id = last;
    return new Promise((resolve, reject) => {
      waiting.set(id, { request, resolve, reject });
      worker.postMessage({ id, ...request });
    });
  };
}
