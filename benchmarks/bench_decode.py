"""Prefill and decode of a 1.4-billion-parameter Llama 4 on the CPU, beside transformers in the same run.

    python benchmarks/bench_decode.py [--rounds 3] [--keep FOLDER]

Writes a random text checkpoint (hidden 1024, 12 layers, 16 experts of 2048, top-1 and a shared expert, bf16; 2.8 GB),
then lets the two open it in turn, each in a process of its own: load time, prefill of 512 tokens, decode of 64, peak
memory. Both first read another prompt of 512 tokens, so that no first use is timed. The machine's read bandwidth is
measured between them, so the decode speed can be given as a share of what reading the active weights once per token
would allow. Medians over the rounds; cores shared with others make every number noisy, ratios less so. transformers
computes all 16 experts for every token: that is most of the difference.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from core_model.config import parse_config
from core_model.engine.memory_plan import place
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.kernels.allocator import keep_freed_memory
from core_model.kernels.gemv import is_plain_gemv_faster
from core_model.text.chat_format import Prompt
from core_model.types import LoadRequest, ShouldStop, never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta, load_steps, run_to_end

CONFIG: dict[str, Any] = {
    "architectures": ["Llama4ForCausalLM"],
    "model_type": "llama4_text",
    "vocab_size": 32000,
    "hidden_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "intermediate_size": 2048,
    "intermediate_size_mlp": 4096,
    "interleave_moe_layer_step": 1,
    "num_local_experts": 16,
    "num_experts_per_tok": 1,
    "attention_chunk_size": 8192,
    "no_rope_layer_interval": 4,
    "use_qk_norm": True,
    "rope_theta": 500000.0,
    "max_position_embeddings": 16384,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PROMPT_TOKENS, NEW_TOKENS = 512, 64
THREADS = 2


def write_checkpoint(folder: Path, config: Mapping[str, Any] = CONFIG) -> None:
    """Random weights, small enough that nothing overflows, in the layout of a text-only export."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config)), encoding="utf-8")
    model = build_on_meta(parse_config(dict(config)))
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            tensor = torch.ones(parameter.shape, dtype=torch.bfloat16)
        else:
            tensor = torch.empty(parameter.shape, dtype=torch.bfloat16).normal_(0, 0.02, generator=generator)
        tensors[name.removeprefix("language_model.")] = tensor
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def prompt_ids(seed: int = 1) -> list[int]:
    return torch.randint(3, 32000, (PROMPT_TOKENS,), generator=torch.Generator().manual_seed(seed)).tolist()


def peak_rss_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def run_ours(folder: Path) -> dict[str, float]:
    """The engine as the assistant uses it: the same loader, layout, probe, session and pieces."""
    began = time.perf_counter()
    keep_freed_memory()  # as `LocalAssistant` does
    device, dtype = torch.device("cpu"), torch.bfloat16
    checkpoint = Checkpoint.open(folder)
    placement = place(checkpoint, LoadRequest(folder, device="cpu"))
    steps = load_steps(checkpoint, device, dtype, transpose_experts=placement.transpose_experts)
    model = run_to_end(steps)
    assert model is not None, "nobody stops this load"
    linears = [m.weight for m in model.language_model.modules() if isinstance(m, torch.nn.Linear)]
    uses_plain_gemv = is_plain_gemv_faster(linears)
    load_s = time.perf_counter() - began
    warm_up = Session(model, None, uses_plain_gemv=uses_plain_gemv)
    list(warm_up.read(Prompt(tuple(prompt_ids(seed=2))), never_stop))
    session = Session(model, None, uses_plain_gemv=uses_plain_gemv)
    began = time.perf_counter()
    list(session.read(Prompt(tuple(prompt_ids())), never_stop))
    prefill_s = time.perf_counter() - began
    began = time.perf_counter()
    tokens = []
    for _ in range(NEW_TOKENS):
        tokens.append(int(session.logits.argmax()))
        session.feed(tokens[-1], never_stop)
    decode_s = time.perf_counter() - began
    stop_ms = {f"stop_{name}_ms": stop_latency_ms(work) for name, work in stoppable(session).items()}
    return figures(load_s, prefill_s, decode_s) | stop_ms | {"plain_gemv": float(uses_plain_gemv)}


def stoppable(session: Session) -> dict[str, Callable[[ShouldStop], object]]:
    """Work that a person may want to stop."""

    def prefill(should_stop: ShouldStop) -> None:
        while True:
            ids = torch.randint(3, 32000, (2048,)).tolist()
            list(session.read(Prompt(tuple(ids)), should_stop))

    def decode(should_stop: ShouldStop) -> None:
        while True:
            session.feed(5, should_stop)

    return {"prefill": prefill, "decode": decode}


def stop_latency_ms(work: Callable[[ShouldStop], object]) -> float:
    """The longest of a few times from a stop, at a random moment, to the end of the work."""
    worst = 0.0
    for attempt in range(5):
        moment = time.perf_counter() + 0.3 + 0.137 * attempt
        with contextlib.suppress(Stopped):
            work(lambda moment=moment: time.perf_counter() >= moment)
        worst = max(worst, time.perf_counter() - moment)
    return 1000 * worst


def run_transformers(folder: Path) -> dict[str, float]:
    """Eager transformers with its own KV cache, the same prompt and the same number of tokens."""
    from transformers import Llama4ForCausalLM

    began = time.perf_counter()
    model = Llama4ForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    load_s = time.perf_counter() - began
    ids = torch.tensor([prompt_ids()])
    with torch.inference_mode():
        model(torch.tensor([prompt_ids(seed=2)]), use_cache=True, logits_to_keep=1)
        began = time.perf_counter()
        out = model(ids, use_cache=True, logits_to_keep=1)
        prefill_s = time.perf_counter() - began
        cache = out.past_key_values
        began = time.perf_counter()
        for _ in range(NEW_TOKENS):
            out = model(out.logits[:, -1:].argmax(-1), past_key_values=cache, use_cache=True)
        decode_s = time.perf_counter() - began
    return figures(load_s, prefill_s, decode_s)


def figures(load_s: float, prefill_s: float, decode_s: float) -> dict[str, float]:
    return {
        "load_s": load_s,
        "prefill_tokens_per_s": PROMPT_TOKENS / prefill_s,
        "decode_tokens_per_s": NEW_TOKENS / decode_s,
        "peak_rss_gb": peak_rss_gb(),
    }


PEERS: dict[str, Callable[[Path], dict[str, float]]] = {"altiplano": run_ours, "transformers": run_transformers}


def run_in_process(peer: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", __file__, "--peer", peer, "--keep", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


def read_bandwidth() -> float:
    """Gigabytes a second that summing 400 MB reads; the best of several."""
    block = torch.ones(100_000_000)
    best = 0.0
    for _ in range(8):
        began = time.perf_counter()
        block.sum()
        best = max(best, block.nbytes / (time.perf_counter() - began) / 1e9)
    return best


def active_bytes() -> int:
    """Weights that one token needs, in bf16: all but the embedding table and the experts that were not chosen."""
    parameters = dict(build_on_meta(parse_config(CONFIG)).named_parameters())
    total = sum(p.numel() for name, p in parameters.items() if "embed_tokens" not in name)
    experts = sum(p.numel() for name, p in parameters.items() if ".experts." in name)
    return 2 * (total - experts * 15 // 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the checkpoint, kept for the next run")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.peer:
        print(json.dumps(PEERS[arguments.peer](arguments.keep)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "model"
        if not (folder / "model.safetensors").exists():
            write_checkpoint(folder)
        measure(folder, arguments.rounds)


def measure(folder: Path, rounds: int) -> None:
    runs: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
    bandwidths = []
    for _ in range(rounds):
        for peer, results in runs.items():
            bandwidths.append(read_bandwidth())
            results.append(run_in_process(peer, folder))
    medians = {
        peer: {name: round(statistics.median(run[name] for run in results), 3) for name in results[0]}
        for peer, results in runs.items()
    }
    bandwidth = statistics.median(bandwidths)
    ours, theirs = medians["altiplano"], medians["transformers"]
    ceiling = bandwidth * 1e9 / active_bytes()
    print(f"{'':26}{'altiplano':>12}{'transformers':>14}{'ratio':>8}")
    for name in theirs:
        print(f"{name:26}{ours[name]:12.2f}{theirs[name]:14.2f}{ours[name] / theirs[name]:8.2f}")
    print(
        f"a stop takes effect after {ours['stop_prefill_ms']:.0f} ms in prefill, {ours['stop_decode_ms']:.0f} in decode"
    )
    print(f"read bandwidth {bandwidth:.1f} GB/s; ceiling for bf16 decode {ceiling:.1f} tokens/s")
    print_result(
        "decode",
        threads=THREADS,
        settings={"prompt_tokens": PROMPT_TOKENS, "new_tokens": NEW_TOKENS, "rounds": rounds},
        results={
            **medians,
            "decode_ratio": round(ours["decode_tokens_per_s"] / theirs["decode_tokens_per_s"], 2),
            "prefill_ratio": round(ours["prefill_tokens_per_s"] / theirs["prefill_tokens_per_s"], 2),
            "read_bandwidth_gb_per_s": round(bandwidth, 1),
            "decode_share_of_bandwidth_ceiling": round(ours["decode_tokens_per_s"] / ceiling, 3),
        },
    )


if __name__ == "__main__":
    main()
