import pytest

from minibert import BertConfig


def test_defaults_are_bert_base():
    config = BertConfig()
    sizes = (config.vocab_size, config.hidden_size, config.num_hidden_layers, config.head_size)
    assert sizes == (30522, 768, 12, 64)
    assert (config.intermediate_size, config.max_position_embeddings) == (3072, 512)
    assert config.layer_norm_eps == 1e-12


def test_dict_and_back():
    config = BertConfig(vocab_size=31, hidden_size=28, num_attention_heads=4, layer_norm_eps=1e-6)
    assert BertConfig.from_dict(config.to_dict()) == config


def test_keys_that_do_not_touch_the_forward_pass_are_passed_over():
    values = {"transformers_version": "4.8.2", "id2label": {}, "vocab_size": 9}
    config = BertConfig.from_dict(values)
    assert config == BertConfig(vocab_size=9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "roberta"}, "model_type must be 'bert', not 'roberta'"),
        ({"hidden_act": "gelu_new"}, "hidden_act must be 'gelu', not 'gelu_new'"),
        ({"hidden_act": "swoosh"}, "hidden_act must be 'gelu', not 'swoosh'"),
        ({"is_decoder": True}, "is_decoder must be False, not True"),
        ({"add_cross_attention": True}, "add_cross_attention must be False"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings must be True"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type must be 'absolute' .* not 'relative_key'",
        ),
        ({"hidden_size": 10, "num_attention_heads": 3}, "be a multiple of num_attention_heads"),
        ({"vocab_size": 0}, "vocab_size must be a whole number of at least 1, .* not 0"),
        (
            {"vocab_size": 30522.0},
            "vocab_size must be a whole number of at least 1, .* not 30522.0",
        ),
        ({"num_hidden_layers": True}, "num_hidden_layers must be a whole number"),
        ({"hidden_size": "768"}, "hidden_size must be a whole number of at least 1, .* not '768'"),
        ({"hidden_size": 10**30}, "hidden_size must be .* below 2..24, not 1000"),
        ({"vocab_size": 2**24}, "vocab_size must be .* below 2..24, not 16777216"),
        ({"hidden_size": -(10**4000)}, r"hidden_size must be .* not -10+\.\.\.0+$"),
        ({"initializer_range": 0}, "initializer_range must not be 0"),
        ({"pad_token_id": None}, "pad_token_id must be a whole number of at least 0, .* not None"),
        ({"pad_token_id": 30522}, "pad_token_id .30522. must be below vocab_size .30522."),
        ({"hidden_dropout_prob": 1.0}, r"hidden_dropout_prob must be a number in \[0, 1\)"),
        ({"layer_norm_eps": -1e-12}, r"layer_norm_eps must be a number in \[0, 1\), not -1e-12"),
        ({"layer_norm_eps": float("nan")}, r"layer_norm_eps must be a number in \[0, 1\), not nan"),
    ],
)
def test_another_model_is_an_error(values, message):
    with pytest.raises(ValueError, match=message):
        BertConfig.from_dict(values)
