"""The classic faults of hand-written BERTs: each a one-line change, and the test that must see it.

Old text -> new text in one source file; the old text stands there exactly once.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    name: str
    module: str
    old: str
    new: str
    guard: str  # the test that must fail, as pytest names it
    needs_onednn: bool = False  # it is in code that only oneDNN's path runs


def of(
    module: str, guard: str, *changes: tuple[str, str, str], needs_onednn: bool = False
) -> Iterator[Mutation]:
    """The mutations of one module that one test must see: (name, old, new) for each."""
    for name, old, new in changes:
        yield Mutation(name, module, old, new, guard, needs_onednn)


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
    *of(
        "minibert.layer_norm",
        LAYER_NORM,
        ("ε 1e-5 for 1e-12", "variance + self.eps", "variance + 1e-5"),
    ),
    *of(
        "minibert.config",
        "tests/test_config.py::test_defaults_are_bert_base",
        ("ε 1e-5 by default", "layer_norm_eps: float = 1e-12", "layer_norm_eps: float = 1e-5"),
    ),
    *of(
        "minibert.layer_norm",
        LAYER_NORM,
        (
            "ε outside the root",
            "torch.sqrt(variance + self.eps)",
            "(torch.sqrt(variance) + self.eps)",
        ),
        (
            "N−1 variance",
            "(centred * centred).mean(dim=-1, keepdim=True)",
            "x.var(dim=-1, keepdim=True)",
        ),
        (
            "γ and β exchanged",
            "self.gamma * normalised + self.beta",
            "self.beta * normalised + self.gamma",
        ),
        (
            "mean over the tokens",
            "x - x.mean(dim=-1, keepdim=True)",
            "x - x.mean(dim=-2, keepdim=True)",
        ),
    ),
    # Embeddings
    *of(
        "minibert.embedding",
        EMBEDDINGS,
        ("no embedding LayerNorm", "self.dropout(self.layer_norm(total))", "self.dropout(total)"),
        ("swapped segments", "self.segment(token_type_ids)", "self.segment(1 - token_type_ids)"),
        ("no segments", "token + segment + position", "token + position"),
    ),
    *of(
        "minibert.positional",
        "tests/test_positional.py::test_learned_positions_are_the_first_rows_in_order",
        (
            "positions one off",
            "torch.arange(length, device=self.table.device)",
            "torch.arange(1, length + 1, device=self.table.device)",
        ),
    ),
    *of(
        "minibert.positional",
        SINUSOID,
        ("sine and cosine exchanged", "[angle.sin(), angle.cos()]", "[angle.cos(), angle.sin()]"),
        (
            "exponent i/D for 2i/D",
            "(even_feature / hidden_size)",
            "(even_feature / 2 / hidden_size)",
        ),
    ),
    # Attention
    *of(
        "minibert.attention",
        MULTI_HEAD,
        (
            "√D for √H",
            "scores = self.scores(attention_scores(query, key))",
            "scores = self.scores(attention_scores(query, key) / self.num_heads**0.5)",
        ),
    ),
    *of(
        "minibert.attention",
        SCORES,
        ("not scaled", " / math.sqrt(query.shape[-1])", ""),
        (
            "keys ask, queries answer",
            "query @ key.transpose(-1, -2)",
            "key @ query.transpose(-1, -2)",
        ),
    ),
    *of(
        "minibert.attention",
        "tests/test_attention.py::test_probs_of_each_query_sum_to_one",
        ("softmax over queries", "softmax(masked_scores)", "softmax(masked_scores.mT).mT"),
    ),
    *of(
        "minibert.attention",
        EXACT_MASK,
        ("inverted mask", "(padding_mask == 0)", "(padding_mask == 1)"),
        ("mask of −1", "torch.finfo(dtype).min", "-1.0"),
        ("mask of −10,000", "torch.finfo(dtype).min", "-1e4"),
    ),
    *of(
        "minibert.attention",
        MULTI_HEAD,
        (
            "mask after the softmax",
            "softmax(masked_scores)",
            "softmax(scores) + additive_mask.clamp(min=-1)",
        ),
        ("mask on queries, not keys", "[:, None, None, :]", "[:, None, :, None]"),
        ("no mask at all", "softmax(masked_scores)", "softmax(scores)"),
        (
            "heads merged without the transpose",
            "context.transpose(1, 2).flatten(2)",
            "context.reshape(x.shape)",
        ),
        (
            "heads interleaved when split",
            "x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)",
            "x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2)",
        ),
    ),
    *of(
        "minibert.attention",
        GRADIENTS,
        ("no dropout on the probs", "self.dropout(probs) @ value", "probs @ value"),
    ),
    # Feed-forward
    *of(
        "minibert.feed_forward",
        "tests/test_feed_forward.py::test_formula",
        ("ReLU for GELU", "gelu(inner)", "torch.relu(inner)"),
    ),
    *of(
        "minibert.feed_forward",
        "tests/test_feed_forward.py::test_gelu_is_the_exact_form",
        (
            "tanh for erf in GELU",
            "torch.erf(x / math.sqrt(2.0))",
            "torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))",
        ),
    ),
    # Encoder
    *of(
        "minibert.encoder",
        LAYER,
        (
            "pre-norm",
            "self.attention(x, additive_mask)",
            "self.attention(self.attention_layer_norm(x), additive_mask)",
        ),
        (
            "no residual around attention",
            "x + self.dropout(attention_output)",
            "self.dropout(attention_output)",
        ),
        (
            "no residual around feed-forward",
            "a + self.dropout(self.feed_forward(a))",
            "self.dropout(self.feed_forward(a))",
        ),
        (
            "residual from the layer's input",
            "a + self.dropout(self.feed_forward(a))",
            "x + self.dropout(self.feed_forward(a))",
        ),
    ),
    *of(
        "minibert.encoder",
        STATES,
        (
            "hidden states one off",
            "hidden_states = [embeddings]",
            "hidden_states = [self.layers[0](embeddings, additive_mask)[0]]",
        ),
        (
            "every layer reads the embeddings",
            "layer(hidden_states[-1], additive_mask)",
            "layer(embeddings, additive_mask)",
        ),
    ),
    # Pooler and heads
    *of(
        "minibert.model",
        POOLER,
        ("pooler reads the last token", "last_hidden_state[:, 0]", "last_hidden_state[:, -1]"),
        ("no tanh in the pooler", "torch.tanh(self.dense(first_token))", "self.dense(first_token)"),
    ),
    *of(
        "minibert.model",
        PARITY,
        (
            "last state is not the last layer's",
            "last_hidden_state = hidden_states[-1]",
            "last_hidden_state = hidden_states[-2]",
        ),
    ),
    *of(
        "minibert.heads",
        MLM,
        ("no GELU in the MLM head", "gelu(self.dense(hidden))", "self.dense(hidden)"),
        ("no LayerNorm in the MLM head", "self.layer_norm(activation)", "activation"),
        ("no bias in the MLM head", "token_embeddings.T + self.bias", "token_embeddings.T"),
    ),
    *of(
        "minibert.heads",
        "tests/test_heads.py::test_the_decoder_is_the_token_embedding",
        (
            "decoder untied",
            "normalised @ token_embeddings.T",
            "normalised @ token_embeddings.detach().T",
        ),
    ),
    *of(
        "minibert.heads",
        "tests/test_heads.py::test_nsp_formula",
        ("NSP labels flipped", "IS_NEXT, IS_RANDOM = 0, 1", "IS_NEXT, IS_RANDOM = 1, 0"),
    ),
    *of(
        "minibert.heads",
        PARITY,
        (
            "NSP logits flipped",
            "return self.logits(pooler_output)",
            "return self.logits(pooler_output).flip(-1)",
        ),
    ),
    *of(
        "minibert.heads",
        GRADIENTS,
        (
            "unasked labels counted in the loss",
            "(log_total - label_score).mean()",
            "(log_total - label_score).sum() / labels.numel()",
        ),
    ),
    # Tokenizer
    *of(
        "minibert.words",
        WORDS,
        (
            "a Σ that looks like the end of a word",
            '"".join([char.lower() for char in text])',
            '("a" + text).lower()[1:]',
        ),
        ("accents composed, not taken apart", '"NFD"', '"NFC"'),
        ("Chinese not spaced", "bisect_right(CJK_EDGES, ord(char)) % 2", "False"),
    ),
    *of(
        "minibert.words",
        UNICODE,
        (
            "only ASCII punctuation",
            'is_ascii_sign or category(char).startswith("P")',
            "is_ascii_sign",
        ),
        ("today's Unicode", "if bisect_right(LATER_EDGES, ord(char)) % 2", "if False"),
    ),
    *of(
        "minibert.wordpiece",
        "tests/test_wordpiece.py::test_the_longest_piece_wins_even_where_it_leads_nowhere",
        ("shortest piece first", "range(len(word), start, -1)", "range(start + 1, len(word) + 1)"),
    ),
    *of(
        "minibert.wordpiece",
        PIECES,
        ("## forgotten", '"##" if start else ""', '""'),
    ),
    *of(
        "minibert.wordpiece",
        "tests/test_wordpiece.py::test_memories_equal_the_definition_on_a_text_seen_twice",
        ("split where Python sees white space", "if DROPPED_SPACES.search(text)", "if False"),
    ),
    *of(
        "minibert.tokenizer",
        "tests/test_tokenizer.py::test_one_text_several_and_pairs",
        (
            "segment 1 from the first [SEP] on",
            "[0] * len(head) + [1] * len(tail)",
            "[0] * (len(head) - 1) + [1] * (len(tail) + 1)",
        ),
    ),
    *of(
        "minibert.packing",
        "tests/test_packing.py::test_windows_cover_every_token_and_overlap_by_the_stride",
        ("windows without overlap", "size - stride)", "size)"),
    ),
    # Loader
    *of(
        "weights_loader",
        LAYOUTS,
        (
            "gamma read as bias",
            '".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"',
            '".LayerNorm.gamma": ".LayerNorm.bias", ".LayerNorm.beta": ".LayerNorm.weight"',
        ),
        (
            "query and key exchanged",
            '"attention.self.query.weight": "attention.query.weight"',
            '"attention.self.query.weight": "attention.key.weight"',
        ),
    ),
    *of(
        "weights_loader",
        PARITY,
        (
            "query and key exchanged, each with the other",
            """query.weight": "attention.query.weight",
    "attention.self.query.bias": "attention.query.bias",
    "attention.self.key.weight": "attention.key.weight\"""",
            """query.weight": "attention.key.weight",
    "attention.self.query.bias": "attention.query.bias",
    "attention.self.key.weight": "attention.query.weight\"""",
        ),
    ),
    *of(
        "weights_loader",
        "tests/test_weights_loader.py::test_a_decoder_that_is_not_tied[weight]",
        (
            "a tied tensor is not compared",
            "if not torch.equal(",
            "if False and not torch.equal(",
        ),
    ),
    *of(
        "weights_loader",
        "tests/test_weights_loader.py::test_layers_are_counted_before_a_model_is_built[7]",
        (
            "layers that the file has not are built",
            "if len(layers) < config.num_hidden_layers:",
            "if False:",
        ),
    ),
    *of(
        "minibert.vocabulary",
        "tests/test_tokenizer.py::test_a_tokenizer_json_of_something_else",
        ("True is a number", "type(value) is not kind", "not isinstance(value, kind)"),
    ),
    *of(
        "minibert.cli.fill_mask",
        "tests/cli/test_cli.py::test_a_head_that_nobody_trained_is_not_asked",
        ("random weights answer", 'if "new" in', "if None in"),
    ),
    *of(
        "weights_loader",
        LAYOUTS,
        ("left in training mode", "model.to(device).eval()", "model.to(device)"),
    ),
    # Pretraining
    *of(
        "minibert.pretraining.masking",
        f"{MASKING}::test_eighty_ten_ten",
        ("every asked token becomes [MASK]", "draw < 0.8", "draw < 1.0"),
    ),
    *of(
        "minibert.pretraining.masking",
        f"{MASKING}::test_special_tokens_never_and_nothing_else_changes",
        (
            "special tokens are asked for",
            "candidates = numpy.flatnonzero(~self.is_special[ids])",
            "candidates = numpy.arange(len(ids))",
        ),
    ),
    *of(
        "minibert.pretraining.masking",
        f"{MASKING}::test_whole_words",
        ("words are hidden in part", "if self.whole_words:", "if False:"),
    ),
    *of(
        "minibert.pretraining.sentence_pairs",
        f"{PAIRS}::test_a_next_sentence_follows_and_a_random_one_is_from_another_document",
        (
            "label 0 for a random sentence",
            "self.sentences[end]], IS_NEXT",
            "self.sentences[end]], IS_RANDOM",
        ),
        ("a random sentence of the same document", "other += other >= index", "other += 0"),
    ),
    *of(
        "minibert.pretraining.sentence_pairs",
        f"{PAIRS}::test_half_are_random",
        ("six in ten are next", "rng.random() < 0.5", "rng.random() < 0.6"),
    ),
    *of(
        "minibert.pretraining.sentence_pairs",
        f"{PAIRS}::test_pieces_go_at_the_front_or_the_back_by_a_coin",
        (
            "always the end is cut",
            "front = int(rng.binomial(surplus, 0.5)) if surplus else 0",
            "front = 0",
        ),
    ),
    *of(
        "minibert.pretraining.batches",
        "tests/pretraining/test_batches.py::test_a_row_is_cls_a_sep_b_sep",
        (
            "the first [SEP] in the second segment",
            "len(pair.first) + 2 : len(text)",
            "len(pair.first) + 1 : len(text)",
        ),
    ),
    *of(
        "minibert.pretraining.losses",
        LOSSES,
        (
            "tanh-GELU in training",
            "functional.gelu(feed_forward.inner(x))",
            "functional.gelu(feed_forward.inner(x), approximate='tanh')",
        ),
        (
            "padding is attended to in training",
            "        scores = scores + additive_mask",
            "        scores = scores + 0",
        ),
    ),
    *of(
        "minibert.training.optimizers",
        f"{OPTIMIZERS}::test_adamw_is_the_formula",
        (
            "decay on biases and LayerNorm",
            '"params": plain, "weight_decay": 0.0',
            '"params": plain, "weight_decay": settings.weight_decay',
        ),
    ),
    *of(
        "minibert.training.schedule",
        f"{OPTIMIZERS}::test_schedule_is_that_of_transformers",
        ("the rate falls too early", "(settings.steps - step) /", "(settings.steps - step - 1) /"),
    ),
    *of(
        "minibert.training.loop",
        f"{LOOP}::test_accumulation_changes_nothing",
        (
            "a mean of the parts' means",
            "task.loss(sums, counts) * processes.world",
            "task.loss(sums, task.counts(part)) / settings.accumulation",
        ),
    ),
    *of(
        "minibert.training.loop",
        f"{LOOP}::test_resume_ends_bit_for_bit_the_same[0.0]",
        (
            "resumed at another row of the data",
            'self.number, self.best = content["number"]',
            'self.number, self.best = content["number"] + 1',
        ),
    ),
    *of(
        "minibert.training.loop",
        f"{TASK}::test_two_hundred_steps_as_transformers",
        ("no clipping", "self.model.parameters(), settings.clip)", "self.model.parameters(), 1e9)"),
    ),
    *of(
        "minibert.training.loop",
        f"{TASK}::test_validation_is_the_textbooks_loss_on_documents_kept_apart",
        (
            "dropout while the held-out documents are measured",
            "self.losses.eval()",
            "self.losses.train()",
        ),
    ),
    *of(
        "minibert.training.loop",
        "tests/training/test_toy.py::test_the_best_weights_are_kept",
        ("the worst weights are kept", "score > self.best", "score < self.best"),
    ),
    *of(
        "minibert.pretraining.vocabulary_trainer",
        "tests/pretraining/test_vocabulary_trainer.py::test_merges_are_those_of_the_definition",
        ("the rarest pair is merged", "heap = [(-count, pair)", "heap = [(count, pair)"),
    ),
    # Trace and patch
    *of(
        "minibert.inspection.trace",
        f"{TRACE}::test_a_value_replaced_by_a_hook_hung_inside_the_block_is_what_is_recorded",
        (
            "trace records before the other hooks",
            """        self.record_hook.remove()
        self.record_hook = module.register_forward_hook(self.record)
""",
            "",
        ),
    ),
    *of(
        "minibert.inspection.trace",
        f"{TRACE}::test_shapes_and_values_are_the_models_own",
        (
            "trace records what goes in",
            "self.recorded[self.name] = output",
            "self.recorded[self.name] = inputs[0]",
        ),
    ),
    *of(
        "minibert.inspection.patch",
        f"{PATCH}::test_a_head_taken_out",
        ("a patch computes and changes nothing", "        return new\n", "        return value\n"),
    ),
    *of(
        "minibert.inspection.patch",
        f"{PATCH}::test_patterns_and_several_at_once",
        ("only the first match is patched", "for name in names\n", "for name in names[:1]\n"),
    ),
    # Engine
    *of(
        "minibert.extraction.engine",
        f"{ENGINE}::test_a_text_does_not_see_the_next",
        ("attention reads the next text's keys", "value=-torch.inf", "value=0.0"),
        needs_onednn=True,
    ),
    *of(
        "minibert.extraction.engine",
        f"{ENGINE}::test_double_precision",
        (
            "the feed-forward's residual from the layer's input",
            "self.output(self.inner(a), a)",
            "self.output(self.inner(a), x)",
        ),
        (
            "the engine's texts in the order of the input",
            "return states, order",
            "return states, [*range(len(rows))]",
        ),
        (
            "segments of another text",
            "segments[i] for i in order",
            "segments[i] for i in range(len(rows))",
        ),
    ),
    # Embeddings of many texts
    *of(
        "minibert.packing",
        f"{EMBED}::test_long_texts",
        (
            "windows stitched at the end of the first",
            "(parts[number + 1].start + part.stop) // 2",
            "part.stop",
        ),
    ),
    *of(
        "minibert.extraction.embedder",
        f"{EMBED}::test_recipes",
        (
            "vectors of a batch in the order of the input",
            "block.vectors[batch] = ",
            "block.vectors[sorted(batch)] = ",
        ),
    ),
    *of(
        "minibert.extraction.embedder",
        f"{EMBED}::test_sentences[all-None-mean]",
        (
            "the first token of the next text is pooled, too",
            "starts[row] + last))",
            "min(starts[row] + last + 1, start)))",
        ),
    ),
    *of(
        "minibert.extraction.layers",
        "tests/extraction/test_layers.py::test_padding_never_takes_part[mean]",
        ("padding is pooled", "counted = attention_mask == 1", "counted = attention_mask >= 0"),
    ),
    *of(
        "minibert.extraction.embedder",
        f"{EMBED}::test_vectors_of_length_one[mean]",
        (
            "features at length 1 over the texts",
            "functional.normalize(vectors, dim=-1)",
            "functional.normalize(vectors, dim=0)",
        ),
    ),
    *of(
        "minibert.extraction.storing",
        f"{STORING}::test_embed_to_a_file",
        ("a part is taken twice", 'f"{number:08}.safetensors"', 'f"{number // 2:08}.safetensors"'),
    ),
    *of(
        "minibert.extraction.storing",
        f"{STORING}::test_parts_of_other_weights_are_not_used",
        (
            "parts of other weights are taken",
            '"weights": fingerprint(embedder.engine)',
            '"weights": "any"',
        ),
    ),
    *of(
        "minibert.extraction.storing",
        f"{STORING}::test_choices_about_wrong_texts_may_change",
        ("a cut text is kept as it was", 'in ("", choices)', "is not None"),
        ("every part is made again", 'in ("", choices)', "is None"),
    ),
    *of(
        "minibert.extraction.storing",
        f"{STORING}::test_files_of_others_in_a_folder_of_ours_stay",
        ("files of others are removed", '"[0-9]" * 8', '"*"'),
    ),
    *of(
        "minibert.common.outputs",
        "tests/common/test_outputs.py::test_an_output_is_never_an_input",
        ("only the same name is the same file", "out.samefile(file)", "out == file"),
    ),
    *of(
        "minibert.common.outputs",
        "tests/common/test_outputs.py::test_what_may_be_overwritten",
        ("any file is a result of ours", "if not is_result(out):", "if not out.is_file():"),
        ("a result is replaced unasked", "and not overwrite", "and overwrite is None"),
    ),
    *of(
        "minibert.common.outputs",
        "tests/common/test_outputs.py::test_own_folder_is_new_empty_or_ours",
        ("any folder is ours", "and not is_empty and not is_ours", "and not folder.is_dir()"),
    ),
    *of(
        "minibert.extraction.reading",
        "tests/extraction/test_reading.py::test_csv",
        ("the header is a text", "header or is_name", "header"),
    ),
]
