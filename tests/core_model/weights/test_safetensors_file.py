from __future__ import annotations

import gc
import json
import random
from pathlib import Path
from typing import Any

import pytest
import safetensors
import torch
from safetensors.torch import save_file

from core_model.errors import CheckpointError
from core_model.weights import safetensors_file
from core_model.weights.safetensors_file import DTYPES, MappedFile, read_header

TWO = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "U8", "shape": [4], "data_offsets": [24, 28]},
}
DATA = bytes(range(28))


def write(path: Path, header: Any, data: bytes = DATA, length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model-00007-of-00050.safetensors"


def tensors_of_every_dtype() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, 5, generator=generator) * 50
    return {name: (noise > 0 if dtype == torch.bool else noise.to(dtype)) for name, dtype in DTYPES.items()}


def test_tensors_of_every_dtype_are_mapped_bit_for_bit(path: Path) -> None:
    tensors = tensors_of_every_dtype()
    save_file(tensors, path, metadata={"format": "pt"})
    file = read_header(path)
    mapped = MappedFile(file)
    assert file.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        view = mapped.tensor(file.tensors[name])
        assert view.dtype == tensor.dtype
        assert view.shape == tensor.shape
        assert torch.equal(view.view(torch.uint8), tensor.view(torch.uint8))


def test_header_lists_tensors_in_file_order(path: Path) -> None:
    file = read_header(write(path, {"b": TWO["b"], "a": TWO["a"]}))
    assert list(file.tensors) == ["a", "b"]
    start = path.stat().st_size - len(DATA)
    assert [tensor.start - start for tensor in file.tensors.values()] == [0, 24]


def test_mapping_shares_memory_and_is_read_only(path: Path, maps: Any) -> None:
    file = read_header(write(path, TWO))
    mapped = MappedFile(file)
    first, second = mapped.tensor(file.tensors["b"]), mapped.tensor(file.tensors["b"])
    assert first.data_ptr() == second.data_ptr()
    ((addresses, permissions),) = maps(path)
    assert first.data_ptr() in addresses
    assert permissions.startswith("r--")


def test_a_tensor_keeps_the_mapping_alive_and_gives_it_back(path: Path, maps: Any) -> None:
    file = read_header(write(path, TWO))
    view = MappedFile(file).tensor(file.tensors["b"])
    gc.collect()
    assert len(maps(path)) == 1
    assert view.tolist() == [24, 25, 26, 27]
    del view
    gc.collect()
    assert maps(path) == []


def test_writable_mapping_never_reaches_the_file(path: Path) -> None:
    file = read_header(write(path, TWO))
    before = path.read_bytes()
    mapped = MappedFile(file, writable=True)
    mapped.tensor(file.tensors["b"]).fill_(99)
    assert mapped.tensor(file.tensors["b"]).tolist() == [99] * 4
    assert path.read_bytes() == before


def test_unaligned_tensor_is_readable(path: Path) -> None:
    values = torch.tensor([1.5, -2.0, 3.25], dtype=torch.bfloat16)
    data = b"\x07" + values.view(torch.uint8).numpy().tobytes()
    header = {
        "odd": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "w": {"dtype": "BF16", "shape": [3], "data_offsets": [1, 7]},
    }
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)  # so that the odd byte decides
    file = read_header(write(path, raw, data))
    assert file.tensors["w"].start % 2 == 1
    view = MappedFile(file).tensor(file.tensors["w"])
    assert torch.equal(view, values)
    assert view.data_ptr() % 2 == 0


def test_empty_tensors_and_empty_files(path: Path) -> None:
    file = read_header(write(path, {"none": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}}, b""))
    assert MappedFile(file).tensor(file.tensors["none"]).shape == (0, 3)
    assert read_header(write(path, {}, b"")).tensors == {}


def test_file_that_changed_after_the_check_is_not_mapped(path: Path) -> None:
    file = read_header(write(path, TWO))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match=r"model-00007-of-00050\.safetensors changed"):
        MappedFile(file)


def entry(**changes: Any) -> dict[str, Any]:
    return {**TWO, "a": {**TWO["a"], **changes}}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (entry(dtype="F4"), "tensor a: unknown type F4"),
        (entry(dtype=["F32"]), "tensor a: unknown type"),
        (entry(shape=[2, 4]), "tensor a: shape [2, 4] needs 32 bytes, 24 are given"),
        (entry(shape=[-2, -3]), "tensor a: impossible shape"),
        (entry(shape=[2.0, 3]), "tensor a: impossible shape"),
        (entry(shape=[True, 6]), "tensor a: impossible shape"),
        (entry(shape="23"), "tensor a: impossible shape"),
        (entry(shape=[1] * 9), "tensor a: impossible shape"),
        (entry(shape=[2**70, 0]), "tensor a: impossible shape"),
        (entry(shape=[2**62, 2**62, 0], data_offsets=[0, 0]), "tensor a: shape"),
        (entry(data_offsets=[24, 0]), "tensor a: impossible place"),
        (entry(data_offsets=[-24, 0]), "tensor a: impossible place"),
        (entry(data_offsets=[0, 24, 28]), "tensor a: impossible place"),
        (entry(data_offsets=None), "tensor a: impossible place"),
        (entry(surprise=1), "tensor a: the entry is not one of a tensor"),
        ({"a": [1]}, "tensor a: the entry is not one of a tensor"),
        ({"b": TWO["b"]}, "tensor b: leaves a hole"),
        ({**TWO, "c": TWO["b"]}, "tensor c: overlaps"),
        ({**TWO, "c": {"dtype": "U8", "shape": [4], "data_offsets": [26, 30]}}, "tensor c: overlaps"),
        ({"a": TWO["a"]}, "4 bytes at its end belong to no tensor"),
        ({**TWO, "c": {"dtype": "U8", "shape": [9], "data_offsets": [28, 37]}}, "tensor c: ends at byte"),
        (b'{"a": 1, "a": 2}', "a name occurs twice"),
        (b'{"a": NaN, ', "not valid JSON"),
        (b'{"\xff": 1}', "not valid JSON"),
        (b'{"a":' + b"[" * 100_000, "not valid JSON"),
        (b'{"a":' + b"9" * 10_000 + b"}", "not valid JSON"),
        (b' {"a": 1}', "does not begin like one"),
        (b"[]", "does not begin like one"),
    ],
)
def test_hostile_headers_are_refused_with_file_and_tensor(path: Path, header: Any, words: str) -> None:
    write(path, header)
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.message.startswith(path.name)
    assert words in caught.value.message
    assert caught.value.hint


def test_length_beyond_the_file_or_the_format(path: Path) -> None:
    with pytest.raises(CheckpointError, match="ends inside its header"):
        read_header(write(path, TWO, length=10_000))
    with pytest.raises(CheckpointError, match="no header"):
        read_header(write(path, TWO, length=2**63))
    with pytest.raises(CheckpointError, match="no header"):
        read_header(write(path, TWO, length=safetensors_file.MAX_HEADER_BYTES + 1))


def test_long_names_are_cut_in_messages(path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_header(write(path, {"x" * 1_000_000: 1}))
    assert len(caught.value.message) < 500


def test_header_length_that_looks_like_another_format_is_read(path: Path) -> None:
    """640 is also how a pickle begins; only absurd lengths are taken for other formats."""
    raw = json.dumps(TWO).encode()
    assert read_header(write(path, raw + b" " * (640 - len(raw)))).tensors.keys() == TWO.keys()


def test_every_truncation_is_noticed(path: Path) -> None:
    whole = write(path, TWO).read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"model-00007-of-00050\.safetensors"):
            read_header(path)


def test_missing_file_is_a_checkpoint_error(path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_header(path)


def mutate(rng: random.Random, whole: bytes) -> bytes:
    """A damaged copy: flipped bits, replaced digits, cut, doubled or shuffled pieces, mostly within the header."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        where = rng.randrange(len(data)) if rng.random() < 0.2 else rng.randrange(min(len(data), 300))
        kind = rng.randrange(5)
        if kind == 0:
            data[where] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[where] = rng.choice(b'0123456789-.,:[]{}"eE \x00\xff')
        elif kind == 2:
            del data[where : where + rng.randint(1, 9)]
        elif kind == 3:
            data[where:where] = data[where : where + rng.randint(1, 40)]
        else:
            data[0] = (data[0] + rng.choice((-8, -1, 1, 8))) % 256
        if len(data) < 2:
            break
    return bytes(data)


def test_fuzzed_headers_are_refused_or_as_the_library_reads_them(path: Path) -> None:
    """Whatever is accepted lies inside the file and means what the safetensors library says it means."""
    rng = random.Random(20260)
    raw = json.dumps({"__metadata__": {"format": "pt"}, **TWO, "c": {**TWO["b"], "data_offsets": [28, 32]}}).encode()
    whole = write(path, raw, bytes(range(32))).read_bytes()
    num_accepted, messages = 0, []
    for _ in range(4000):
        data = mutate(rng, whole)
        path.write_bytes(data)
        try:
            file = read_header(path)
        except CheckpointError as error:
            messages.append(error.message)
            continue
        num_accepted += 1
        library = {
            name: (value["dtype"], value["shape"], value["data"]) for name, value in safetensors.deserialize(data)
        }
        assert file.tensors.keys() == library.keys()
        for name, stored in file.tensors.items():
            dtype, shape, content = library[name]
            assert (DTYPES[dtype], list(stored.shape)) == (stored.dtype, shape)
            assert data[stored.start : stored.start + stored.num_bytes] == bytes(content)
    assert 20 < num_accepted < 3000  # the damage is neither always fatal nor mostly harmless
    assert all(message.startswith(path.name) for message in messages)
