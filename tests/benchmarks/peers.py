"""Other programs that run the same BERT. Each is a function: token ids and mask to hidden states.

    run = peers(model, every=True)["ONNX Runtime"]
    states = run(ids, mask)                        # [B, S], [B, S] -> each [B, S, D]
    vectors = embed_sorted(run, tokenizer, texts)  # the mean of the last layer, [texts, D]

`model` is one of transformers; it is exported here. Each program has as many threads as PyTorch,
computes in float32 (OpenVINO would take bfloat16 if nobody said so), and may not bind its threads
to cores. A program that is not installed is left out, and a line says so.

They take turns in one process, and a thread that waits for work may keep a core busy: then the next
in turn is slower than it is. ONNX Runtime's threads may do that during a run, which makes it
faster, and are told to stop at the end of each.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

Run = Callable[[torch.Tensor, torch.Tensor], Sequence[torch.Tensor]]
BATCH = 32  # texts, as sentence-transformers has them
EXAMPLE = torch.ones(2, 8, dtype=torch.long)  # to export with: any texts, any length


class States(nn.Module):
    """A model of transformers that gives a tuple: every hidden state, or only the last."""

    def __init__(self, model: Any, every: bool):
        super().__init__()
        self.model, self.every = model, every

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.model(ids, attention_mask=mask, output_hidden_states=self.every)
        return found.hidden_states if self.every else (found.last_hidden_state,)


def installed(name: str, *modules: str) -> bool:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(f"{name} is left out: no {', '.join(missing)} here")
    return not missing


def peers(model: nn.Module, *, every: bool) -> dict[str, Run]:
    """Those that are installed. `every`: all hidden states; else the last one, and int8 as well."""
    states = States(model, every).eval()
    found: dict[str, Run] = {"transformers": torch.inference_mode()(states)}
    if installed("ONNX Runtime", "onnxruntime", "onnx"):
        with TemporaryDirectory() as folder:
            fused = export(states, Path(folder))
            found["ONNX Runtime"] = onnx_runtime(fused)
            if not every:
                found["ONNX Runtime, int8"] = onnx_runtime(quantized(fused))
    if installed("OpenVINO", "openvino"):
        found["OpenVINO"] = openvino(states)
    return found


def export(states: States, folder: Path) -> Path:
    """The file of a graph that ONNX Runtime's optimizer has gone over: attention is one operator,
    and so are the bias with GELU, and the bias and the residual with LayerNorm.
    """
    from onnxruntime.transformers.optimizer import optimize_model

    plain, fused = str(folder / "plain.onnx"), folder / "fused.onnx"
    config, names = states.model.config, ["ids", "mask"]
    usual = config._attn_implementation
    states.model.set_attn_implementation("eager")  # which the optimizer knows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            states,
            (EXAMPLE, EXAMPLE),
            plain,
            input_names=names,
            dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
            dynamo=False,  # in the other form the optimizer does not find attention
        )
    states.model.set_attn_implementation(usual)
    heads, size = config.num_attention_heads, config.hidden_size
    optimizer = optimize_model(plain, model_type="bert", num_heads=heads, hidden_size=size)
    found = optimizer.get_fused_operator_statistics()["Attention"]
    if found != config.num_hidden_layers:
        print(f"ONNX Runtime's optimizer found attention only {found} times")
    optimizer.save_model_to_file(str(fused))
    return fused


def quantized(path: Path) -> Path:
    """int8: a scale for each output feature; those of the activations are found as it runs."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    out = path.with_name("int8.onnx")
    logging.disable(logging.WARNING)
    of_new_operators = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    quantize_dynamic(
        path,
        out,
        per_channel=True,
        reduce_range=not torch.cpu._is_vnni_supported(),  # else its sums overflow 16 bits
        extra_options=of_new_operators,
    )
    logging.disable(logging.NOTSET)
    return out


def onnx_runtime(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        found = session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
        return [torch.from_numpy(state) for state in found]

    return run


def openvino(states: States) -> Run:
    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(states, example_input=(EXAMPLE, EXAMPLE))
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.compile_model(graph, "CPU", settings).create_infer_request()

    def run(ids: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        """The states lie in memory that the next run writes to."""
        found = request.infer([ids.numpy(), mask.numpy()], share_inputs=True, share_outputs=True)
        return [torch.from_numpy(found[i]) for i in range(len(found))]

    return run


@torch.inference_mode()
def embed_sorted(run: Run, tokenizer: Callable, texts: list[str]) -> torch.Tensor:
    """The mean over the tokens of the last state, in batches of texts of about the same length."""
    rows = [torch.tensor(ids) for ids in tokenizer(texts, truncation=True)["input_ids"]]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    found = []
    for start in range(0, len(order), BATCH):
        batch = [rows[i] for i in order[start : start + BATCH]]
        ids = pad_sequence(batch, batch_first=True)  # 0 is [PAD]
        lengths = torch.tensor([len(row) for row in batch])[:, None]
        mask = (torch.arange(ids.shape[1]) < lengths).long()
        found.append((run(ids, mask)[-1] * mask[:, :, None]).sum(dim=1) / lengths)
    return torch.cat(found)[torch.tensor(order).argsort()]
