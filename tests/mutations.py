"""The classic faults of hand-written BERTs: each a one-line change, and the test that must see it.

Old text -> new text in one source file; the old text stands there exactly once.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    name: str
    module: str
    old: str
    new: str
    guard: str  # the test that must fail, as pytest names it
    needs_onednn: bool = False  # it is in code that only oneDNN's path runs


LAYER_NORM = "tests/test_layer_norm.py::test_formula_with_every_term"
EMBEDDINGS = "tests/test_embedding.py::test_sum_of_three_then_layer_norm"
SCORES = "tests/test_attention.py::test_scores_are_dot_products_over_the_root_of_the_head_size"
MULTI_HEAD = "tests/test_attention.py::test_multi_head_formula_with_padding"
EXACT_MASK = "tests/test_attention.py::test_a_padded_key_gets_exactly_nothing"
LAYER = "tests/test_encoder.py::test_a_layer_adds_then_normalises_twice"
STATES = "tests/test_encoder.py::test_state_i_is_the_output_of_layer_i"
POOLER = "tests/test_model.py::test_pooler_is_tanh_of_a_linear_map_of_the_first_token"
MLM = "tests/test_heads.py::test_mlm_formula"
GRADIENTS = "tests/parity/test_gradients.py::test_loss_and_every_gradient"
PARITY = "tests/parity/test_tiny.py::test_every_operation"
LAYOUTS = "tests/test_weights_loader.py::test_every_layout[None-True-True-True-absent]"
WORDS = "tests/test_words.py::test_words"
UNICODE = "tests/parity/test_tokenizer.py::test_a_sample_of_unicode[minibert-tiny]"
PIECES = "tests/test_wordpiece.py::test_googles_own_example"
MASKING = "tests/pretraining/test_masking.py"
PAIRS = "tests/pretraining/test_sentence_pairs.py"
TASK = "tests/pretraining/test_task.py"
LOOP = "tests/training/test_loop.py"
OPTIMIZERS = "tests/training/test_optimizers.py"
LOSSES = "tests/pretraining/test_losses.py::test_losses_and_gradients_are_the_textbooks"
TRACE = "tests/inspection/test_trace.py"
PATCH = "tests/inspection/test_patch.py"
ENGINE = "tests/extraction/test_engine.py"
EMBED = "tests/extraction/test_embed.py"
STORING = "tests/extraction/test_storing.py"
SINUSOID = "tests/test_positional.py::test_sinusoid_formula"

MUTATIONS = [
    # LayerNorm
    Mutation(
        "ε 1e-5 for 1e-12",
        "minibert.layer_norm",
        "variance + self.eps",
        "variance + 1e-5",
        LAYER_NORM,
    ),
    Mutation(
        "ε 1e-5 by default",
        "minibert.config",
        "layer_norm_eps: float = 1e-12",
        "layer_norm_eps: float = 1e-5",
        "tests/test_config.py::test_defaults_are_bert_base",
    ),
    Mutation(
        "ε outside the root",
        "minibert.layer_norm",
        "torch.sqrt(variance + self.eps)",
        "(torch.sqrt(variance) + self.eps)",
        LAYER_NORM,
    ),
    Mutation(
        "N−1 variance",
        "minibert.layer_norm",
        "(centred * centred).mean(dim=-1, keepdim=True)",
        "x.var(dim=-1, keepdim=True)",
        LAYER_NORM,
    ),
    Mutation(
        "γ and β exchanged",
        "minibert.layer_norm",
        "self.gamma * normalised + self.beta",
        "self.beta * normalised + self.gamma",
        LAYER_NORM,
    ),
    Mutation(
        "mean over the tokens",
        "minibert.layer_norm",
        "x - x.mean(dim=-1, keepdim=True)",
        "x - x.mean(dim=-2, keepdim=True)",
        LAYER_NORM,
    ),
    # Embeddings
    Mutation(
        "no embedding LayerNorm",
        "minibert.embedding",
        "self.dropout(self.layer_norm(total))",
        "self.dropout(total)",
        EMBEDDINGS,
    ),
    Mutation(
        "swapped segments",
        "minibert.embedding",
        "self.segment(token_type_ids)",
        "self.segment(1 - token_type_ids)",
        EMBEDDINGS,
    ),
    Mutation(
        "no segments",
        "minibert.embedding",
        "token + segment + position",
        "token + position",
        EMBEDDINGS,
    ),
    Mutation(
        "positions one off",
        "minibert.positional",
        "torch.arange(length, device=self.table.device)",
        "torch.arange(1, length + 1, device=self.table.device)",
        "tests/test_positional.py::test_learned_positions_are_the_first_rows_in_order",
    ),
    Mutation(
        "sine and cosine exchanged",
        "minibert.positional",
        "[angle.sin(), angle.cos()]",
        "[angle.cos(), angle.sin()]",
        SINUSOID,
    ),
    Mutation(
        "exponent i/D for 2i/D",
        "minibert.positional",
        "(even_feature / hidden_size)",
        "(even_feature / 2 / hidden_size)",
        SINUSOID,
    ),
    # Attention
    Mutation(
        "√D for √H",
        "minibert.attention",
        "scores = self.scores(attention_scores(query, key))",
        "scores = self.scores(attention_scores(query, key) / self.num_heads**0.5)",
        MULTI_HEAD,
    ),
    Mutation("not scaled", "minibert.attention", " / math.sqrt(query.shape[-1])", "", SCORES),
    Mutation(
        "keys ask, queries answer",
        "minibert.attention",
        "query @ key.transpose(-1, -2)",
        "key @ query.transpose(-1, -2)",
        SCORES,
    ),
    Mutation(
        "softmax over queries",
        "minibert.attention",
        "softmax(masked_scores)",
        "softmax(masked_scores.mT).mT",
        "tests/test_attention.py::test_probs_of_each_query_sum_to_one",
    ),
    Mutation(
        "inverted mask",
        "minibert.attention",
        "(padding_mask == 0)",
        "(padding_mask == 1)",
        EXACT_MASK,
    ),
    Mutation("mask of −1", "minibert.attention", "torch.finfo(dtype).min", "-1.0", EXACT_MASK),
    Mutation("mask of −10,000", "minibert.attention", "torch.finfo(dtype).min", "-1e4", EXACT_MASK),
    Mutation(
        "mask after the softmax",
        "minibert.attention",
        "softmax(masked_scores)",
        "softmax(scores) + additive_mask.clamp(min=-1)",
        MULTI_HEAD,
    ),
    Mutation(
        "mask on queries, not keys",
        "minibert.attention",
        "[:, None, None, :]",
        "[:, None, :, None]",
        MULTI_HEAD,
    ),
    Mutation(
        "no mask at all",
        "minibert.attention",
        "softmax(masked_scores)",
        "softmax(scores)",
        MULTI_HEAD,
    ),
    Mutation(
        "heads merged without the transpose",
        "minibert.attention",
        "context.transpose(1, 2).flatten(2)",
        "context.reshape(x.shape)",
        MULTI_HEAD,
    ),
    Mutation(
        "heads interleaved when split",
        "minibert.attention",
        "x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)",
        "x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)",
        MULTI_HEAD,
    ),
    Mutation(
        "no dropout on the probs",
        "minibert.attention",
        "self.dropout(probs) @ value",
        "probs @ value",
        GRADIENTS,
    ),
    # Feed-forward
    Mutation(
        "ReLU for GELU",
        "minibert.feed_forward",
        "gelu(inner)",
        "torch.relu(inner)",
        "tests/test_feed_forward.py::test_formula",
    ),
    Mutation(
        "tanh for erf in GELU",
        "minibert.feed_forward",
        "torch.erf(x / math.sqrt(2.0))",
        "torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))",
        "tests/test_feed_forward.py::test_gelu_is_the_exact_form",
    ),
    # Encoder
    Mutation(
        "pre-norm",
        "minibert.encoder",
        "self.attention(x, additive_mask)",
        "self.attention(self.attention_layer_norm(x), additive_mask)",
        LAYER,
    ),
    Mutation(
        "no residual around attention",
        "minibert.encoder",
        "x + self.dropout(attention_output)",
        "self.dropout(attention_output)",
        LAYER,
    ),
    Mutation(
        "no residual around feed-forward",
        "minibert.encoder",
        "a + self.dropout(self.feed_forward(a))",
        "self.dropout(self.feed_forward(a))",
        LAYER,
    ),
    Mutation(
        "residual from the layer's input",
        "minibert.encoder",
        "a + self.dropout(self.feed_forward(a))",
        "x + self.dropout(self.feed_forward(a))",
        LAYER,
    ),
    Mutation(
        "hidden states one off",
        "minibert.encoder",
        "hidden_states = [embeddings]",
        "hidden_states = [self.layers[0](embeddings, additive_mask)[0]]",
        STATES,
    ),
    Mutation(
        "every layer reads the embeddings",
        "minibert.encoder",
        "layer(hidden_states[-1], additive_mask)",
        "layer(embeddings, additive_mask)",
        STATES,
    ),
    # Pooler and heads
    Mutation(
        "pooler reads the last token",
        "minibert.model",
        "last_hidden_state[:, 0]",
        "last_hidden_state[:, -1]",
        POOLER,
    ),
    Mutation(
        "no tanh in the pooler",
        "minibert.model",
        "torch.tanh(self.dense(first_token))",
        "self.dense(first_token)",
        POOLER,
    ),
    Mutation(
        "last state is not the last layer's",
        "minibert.model",
        "last_hidden_state = hidden_states[-1]",
        "last_hidden_state = hidden_states[-2]",
        PARITY,
    ),
    Mutation(
        "no GELU in the MLM head",
        "minibert.heads",
        "gelu(self.dense(hidden))",
        "self.dense(hidden)",
        MLM,
    ),
    Mutation(
        "no LayerNorm in the MLM head",
        "minibert.heads",
        "self.layer_norm(activation)",
        "activation",
        MLM,
    ),
    Mutation(
        "no bias in the MLM head",
        "minibert.heads",
        "token_embeddings.T + self.bias",
        "token_embeddings.T",
        MLM,
    ),
    Mutation(
        "decoder untied",
        "minibert.heads",
        "normalised @ token_embeddings.T",
        "normalised @ token_embeddings.detach().T",
        "tests/test_heads.py::test_the_decoder_is_the_token_embedding",
    ),
    Mutation(
        "NSP labels flipped",
        "minibert.heads",
        "IS_NEXT, IS_RANDOM = 0, 1",
        "IS_NEXT, IS_RANDOM = 1, 0",
        "tests/test_heads.py::test_nsp_formula",
    ),
    Mutation(
        "NSP logits flipped",
        "minibert.heads",
        "return self.logits(pooler_output)",
        "return self.logits(pooler_output).flip(-1)",
        PARITY,
    ),
    Mutation(
        "unasked labels counted in the loss",
        "minibert.heads",
        "(log_total - label_score).mean()",
        "(log_total - label_score).sum() / labels.numel()",
        GRADIENTS,
    ),
    # Tokenizer
    Mutation(
        "a Σ that looks like the end of a word",
        "minibert.words",
        '"".join([char.lower() for char in text])',
        '("a" + text).lower()[1:]',
        WORDS,
    ),
    Mutation("accents composed, not taken apart", "minibert.words", '"NFD"', '"NFC"', WORDS),
    Mutation(
        "Chinese not spaced",
        "minibert.words",
        "bisect_right(CJK_EDGES, ord(char)) % 2",
        "False",
        WORDS,
    ),
    Mutation(
        "only ASCII punctuation",
        "minibert.words",
        'is_ascii_sign or category(char).startswith("P")',
        "is_ascii_sign",
        UNICODE,
    ),
    Mutation(
        "today's Unicode",
        "minibert.words",
        "if bisect_right(LATER_EDGES, ord(char)) % 2",
        "if False",
        UNICODE,
    ),
    Mutation(
        "shortest piece first",
        "minibert.wordpiece",
        "range(len(word), start, -1)",
        "range(start + 1, len(word) + 1)",
        "tests/test_wordpiece.py::test_the_longest_piece_wins_even_where_it_leads_nowhere",
    ),
    Mutation("## forgotten", "minibert.wordpiece", '"##" if start else ""', '""', PIECES),
    Mutation(
        "split where Python sees white space",
        "minibert.wordpiece",
        "if DROPPED_SPACES.search(text)",
        "if False",
        "tests/test_wordpiece.py::test_memories_equal_the_definition_on_a_text_seen_twice",
    ),
    Mutation(
        "segment 1 from the first [SEP] on",
        "minibert.tokenizer",
        "[0] * len(head) + [1] * len(tail)",
        "[0] * (len(head) - 1) + [1] * (len(tail) + 1)",
        "tests/test_tokenizer.py::test_one_text_several_and_pairs",
    ),
    Mutation(
        "windows without overlap",
        "minibert.packing",
        "size - stride)",
        "size)",
        "tests/test_packing.py::test_windows_cover_every_token_and_overlap_by_the_stride",
    ),
    # Loader
    Mutation(
        "gamma read as bias",
        "weights_loader",
        '".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"',
        '".LayerNorm.gamma": ".LayerNorm.bias", ".LayerNorm.beta": ".LayerNorm.weight"',
        LAYOUTS,
    ),
    Mutation(
        "query and key exchanged",
        "weights_loader",
        '"attention.self.query.weight": "attention.query.weight"',
        '"attention.self.query.weight": "attention.key.weight"',
        LAYOUTS,
    ),
    Mutation(
        "query and key exchanged, each with the other",
        "weights_loader",
        """query.weight": "attention.query.weight",
    "attention.self.query.bias": "attention.query.bias",
    "attention.self.key.weight": "attention.key.weight\"""",
        """query.weight": "attention.key.weight",
    "attention.self.query.bias": "attention.query.bias",
    "attention.self.key.weight": "attention.query.weight\"""",
        PARITY,
    ),
    Mutation(
        "a tied tensor is not compared",
        "weights_loader",
        "if is_tied and not torch.equal(",
        "if False and not torch.equal(",
        "tests/test_weights_loader.py::test_a_decoder_that_is_not_tied[weight]",
    ),
    Mutation(
        "left in training mode",
        "weights_loader",
        "model.to(device).eval()",
        "model.to(device)",
        LAYOUTS,
    ),
    # Pretraining
    Mutation(
        "every asked token becomes [MASK]",
        "minibert.pretraining.masking",
        "draw < 0.8",
        "draw < 1.0",
        f"{MASKING}::test_eighty_ten_ten",
    ),
    Mutation(
        "special tokens are asked for",
        "minibert.pretraining.masking",
        "candidates = numpy.flatnonzero(~self.is_special[ids])",
        "candidates = numpy.arange(len(ids))",
        f"{MASKING}::test_special_tokens_never_and_nothing_else_changes",
    ),
    Mutation(
        "words are hidden in part",
        "minibert.pretraining.masking",
        "if self.whole_words:",
        "if False:",
        f"{MASKING}::test_whole_words",
    ),
    Mutation(
        "label 0 for a random sentence",
        "minibert.pretraining.sentence_pairs",
        "self.sentences[end]], IS_NEXT",
        "self.sentences[end]], IS_RANDOM",
        f"{PAIRS}::test_a_next_sentence_follows_and_a_random_one_is_from_another_document",
    ),
    Mutation(
        "a random sentence of the same document",
        "minibert.pretraining.sentence_pairs",
        "other += other >= index",
        "other += 0",
        f"{PAIRS}::test_a_next_sentence_follows_and_a_random_one_is_from_another_document",
    ),
    Mutation(
        "six in ten are next",
        "minibert.pretraining.sentence_pairs",
        "rng.random() < 0.5",
        "rng.random() < 0.6",
        f"{PAIRS}::test_half_are_random",
    ),
    Mutation(
        "always the end is cut",
        "minibert.pretraining.sentence_pairs",
        "front = int(rng.binomial(surplus, 0.5)) if surplus else 0",
        "front = 0",
        f"{PAIRS}::test_pieces_go_at_the_front_or_the_back_by_a_coin",
    ),
    Mutation(
        "the first [SEP] in the second segment",
        "minibert.pretraining.batches",
        "len(pair.first) + 2 : len(text)",
        "len(pair.first) + 1 : len(text)",
        "tests/pretraining/test_batches.py::test_a_row_is_cls_a_sep_b_sep",
    ),
    Mutation(
        "tanh-GELU in training",
        "minibert.pretraining.losses",
        "functional.gelu(feed_forward.inner(x))",
        "functional.gelu(feed_forward.inner(x), approximate='tanh')",
        LOSSES,
    ),
    Mutation(
        "padding is attended to in training",
        "minibert.pretraining.losses",
        "        scores = scores + additive_mask",
        "        scores = scores + 0",
        LOSSES,
    ),
    Mutation(
        "decay on biases and LayerNorm",
        "minibert.training.optimizers",
        '"params": plain, "weight_decay": 0.0',
        '"params": plain, "weight_decay": settings.weight_decay',
        f"{OPTIMIZERS}::test_adamw_is_the_formula",
    ),
    Mutation(
        "the rate falls too early",
        "minibert.training.schedule",
        "(settings.steps - step) /",
        "(settings.steps - step - 1) /",
        f"{OPTIMIZERS}::test_schedule_is_that_of_transformers",
    ),
    Mutation(
        "a mean of the parts' means",
        "minibert.training.loop",
        "task.loss(sums, counts) * processes.world",
        "task.loss(sums, task.counts(part)) / settings.accumulation",
        f"{LOOP}::test_accumulation_changes_nothing",
    ),
    Mutation(
        "resumed at another row of the data",
        "minibert.training.loop",
        'self.number, self.best = content["number"]',
        'self.number, self.best = content["number"] + 1',
        f"{LOOP}::test_resume_ends_bit_for_bit_the_same[0.0]",
    ),
    Mutation(
        "no clipping",
        "minibert.training.loop",
        "self.model.parameters(), settings.clip)",
        "self.model.parameters(), 1e9)",
        f"{TASK}::test_two_hundred_steps_as_transformers",
    ),
    Mutation(
        "dropout while the held-out documents are measured",
        "minibert.training.loop",
        "self.losses.eval()",
        "self.losses.train()",
        f"{TASK}::test_validation_is_the_textbooks_loss_on_documents_kept_apart",
    ),
    Mutation(
        "the worst weights are kept",
        "minibert.training.loop",
        "score > self.best",
        "score < self.best",
        "tests/training/test_toy.py::test_the_best_weights_are_kept",
    ),
    Mutation(
        "the rarest pair is merged",
        "minibert.pretraining.vocabulary_trainer",
        "heap = [(-count, pair)",
        "heap = [(count, pair)",
        "tests/pretraining/test_vocabulary_trainer.py::test_merges_are_those_of_the_definition",
    ),
    # Trace and patch
    Mutation(
        "trace records before the other hooks",
        "minibert.inspection.trace",
        """        self.record_hook.remove()
        self.record_hook = module.register_forward_hook(self.record)
""",
        "",
        f"{TRACE}::test_a_value_replaced_by_a_hook_hung_inside_the_block_is_what_is_recorded",
    ),
    Mutation(
        "trace records what goes in",
        "minibert.inspection.trace",
        "self.recorded[self.name] = output",
        "self.recorded[self.name] = inputs[0]",
        f"{TRACE}::test_shapes_and_values_are_the_models_own",
    ),
    Mutation(
        "a patch computes and changes nothing",
        "minibert.inspection.patch",
        "        return new\n",
        "        return value\n",
        f"{PATCH}::test_a_head_taken_out",
    ),
    Mutation(
        "only the first match is patched",
        "minibert.inspection.patch",
        "for name in names\n",
        "for name in names[:1]\n",
        f"{PATCH}::test_patterns_and_several_at_once",
    ),
    # Engine
    Mutation(
        "attention reads the next text's keys",
        "minibert.extraction.engine",
        "value=-torch.inf",
        "value=0.0",
        f"{ENGINE}::test_a_text_does_not_see_the_next",
        needs_onednn=True,
    ),
    Mutation(
        "the feed-forward's residual from the layer's input",
        "minibert.extraction.engine",
        "self.output(self.inner(a), a)",
        "self.output(self.inner(a), x)",
        f"{ENGINE}::test_double_precision",
    ),
    Mutation(
        "the engine's texts in the order of the input",
        "minibert.extraction.engine",
        "return states, order",
        "return states, [*range(len(rows))]",
        f"{ENGINE}::test_double_precision",
    ),
    Mutation(
        "segments of another text",
        "minibert.extraction.engine",
        "segments[i] for i in order",
        "segments[i] for i in range(len(rows))",
        f"{ENGINE}::test_double_precision",
    ),
    # Embeddings of many texts
    Mutation(
        "windows stitched at the end of the first",
        "minibert.packing",
        "(parts[number + 1].start + part.stop) // 2",
        "part.stop",
        f"{EMBED}::test_long_texts",
    ),
    Mutation(
        "vectors of a batch in the order of the input",
        "minibert.extraction.embedder",
        "block.vectors[batch] = ",
        "block.vectors[sorted(batch)] = ",
        f"{EMBED}::test_recipes",
    ),
    Mutation(
        "the first token of the next text is pooled, too",
        "minibert.extraction.embedder",
        "starts[row] + last))",
        "min(starts[row] + last + 1, start)))",
        f"{EMBED}::test_sentences[all-None-mean]",
    ),
    Mutation(
        "padding is pooled",
        "minibert.extraction.layers",
        "counted = attention_mask == 1",
        "counted = attention_mask >= 0",
        "tests/extraction/test_layers.py::test_padding_never_takes_part[mean]",
    ),
    Mutation(
        "features at length 1 over the texts",
        "minibert.extraction.embedder",
        "functional.normalize(vectors, dim=-1)",
        "functional.normalize(vectors, dim=0)",
        f"{EMBED}::test_vectors_of_length_one[mean]",
    ),
    Mutation(
        "a part is taken twice",
        "minibert.extraction.storing",
        'f"{number:08}.safetensors"',
        'f"{number // 2:08}.safetensors"',
        f"{STORING}::test_embed_to_a_file",
    ),
    Mutation(
        "parts of other weights are taken",
        "minibert.extraction.storing",
        'own = {"texts in a part": embedder.block_size, "weights": fingerprint(embedder.engine)}',
        'own = {"texts in a part": embedder.block_size}',
        f"{STORING}::test_parts_of_other_weights_are_not_used",
    ),
]
