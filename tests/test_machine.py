"""What the machine is: named devices are checked, choices are measured and said, and torch is not loaded to ask."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys

import pytest
import torch

from graft import machine
from graft.errors import RecipeError
from graft.machine import choose, dtype_of, peak_memory, processor_name, versions


def test_the_choice_says_why():
    found = choose("cpu")
    assert found.device == "cpu"
    assert found.name
    assert found.cores >= 1
    assert "times as fast in bf16" in found.why


@pytest.mark.parametrize(("gain", "precision"), [(4.0, "bf16"), (1.5, "bf16"), (1.4, "fp32"), (0.2, "fp32")])
def test_the_faster_precision_is_taken(monkeypatch, tmp_path, gain, precision):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path))
    monkeypatch.setattr(machine, "_bf16_gain", lambda _: gain)
    found = choose("cpu")
    assert found.precision == precision
    assert f"{gain:.1f} times" in found.why


def test_what_was_measured_once_stays_so_that_a_busy_moment_changes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine, "_bf16_gain", lambda _: 4.0)
    first = choose("cpu")
    monkeypatch.setattr(machine, "_bf16_gain", lambda _: 1.0)
    assert choose("cpu") == first
    (tmp_path / "cache" / "machine.json").write_text("{")
    assert choose("cpu").precision == "fp32"


def test_a_cache_that_cannot_be_written_is_done_without(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(machine, "_bf16_gain", lambda _: 4.0)
    assert choose("cpu").precision == "bf16"


def test_the_gain_is_measured():
    assert 0.01 < machine._bf16_gain("cpu") < 1000


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_named_precision_is_obeyed_without_measuring(monkeypatch, precision):
    monkeypatch.setattr(machine, "_bf16_gain", None)
    found = choose("cpu", precision)
    assert (found.precision, found.why) == (precision, "named by you")
    assert dtype_of(found) == {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_here(device):
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if here[device]:
        pytest.skip(f"{device} is on this machine")
    with pytest.raises(RecipeError, match=f"{device} is not on this machine") as caught:
        choose(device)
    assert "cpu" in caught.value.remedy


@pytest.mark.parametrize("asked", [("gpu", "auto"), ("cpu", "fp16"), ("", "auto")])
def test_a_device_or_precision_that_there_is_not(asked):
    with pytest.raises(RecipeError) as caught:
        choose(*asked)
    assert "auto, cpu, cuda, mps" in caught.value.remedy


def test_auto_takes_what_is_there(monkeypatch):
    for present, expected in (((True, True), "cuda"), ((False, True), "mps"), ((False, False), "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda here=present[0]: here)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda here=present[1]: here)
        assert machine._device("auto") == expected


def test_memory_and_versions():
    assert peak_memory() > 10 * 2**20
    found = versions()
    assert found["torch"] == torch.__version__.split("+")[0] or found["torch"] == torch.__version__
    assert {"python", "graft-ml", "transformers"} <= set(found)


SHORT = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"),
    RuntimeError("CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("could not create a primitive"),
]
OTHER = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    OSError(errno.ENOSPC, "No space left on device"),
    ValueError("out of memory"),
]


@pytest.mark.parametrize(("error", "is_short"), [*((e, True) for e in SHORT), *((e, False) for e in OTHER)], ids=repr)
def test_short_memory_is_told_from_other_errors_whoever_says_so(error, is_short):
    """What CUDA and its libraries say is taken from their own messages: there is no such device here."""
    assert machine.is_out_of_memory(error) == is_short


def test_reading_this_module_loads_no_torch():
    code = "import sys, graft.machine, graft.files, graft.records; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def control_groups(root, lines, limits):
    for name, value in limits.items():
        path = root / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (root / "own").write_text("\n".join(lines) + "\n")
    return machine.memory_limit(root / "cgroup", root / "own")


def test_the_least_limit_of_the_control_groups_counts(tmp_path):
    limits = {"memory.max": "max", "a/memory.max": 5 << 30, "a/b/memory.max": 8 << 30, "other/memory.max": 1}
    assert control_groups(tmp_path, ["0::/a/b"], limits) == 5 << 30


def test_without_a_limit_there_is_none(tmp_path):
    assert control_groups(tmp_path / "v2", ["0::/a"], {"a/memory.max": "max"}) is None
    lines = ["4:memory:/a", "3:cpuset:/", "0::/"]
    assert control_groups(tmp_path / "v1", lines, {"memory/a/memory.limit_in_bytes": 9223372036854771712}) is None
    assert machine.memory_limit(tmp_path, tmp_path / "nowhere") is None


def test_version_1_has_a_tree_of_its_own_and_a_container_sees_its_top(tmp_path):
    lines = ["4:memory:/outside/of/the/container", "1:cpu:/"]
    assert control_groups(tmp_path, lines, {"memory/memory.limit_in_bytes": 3 << 30}) == 3 << 30


def test_this_process_takes_memory():
    assert 1 << 20 < machine.resident_memory() <= 2 * peak_memory()


def test_free_memory_is_at_most_what_the_process_may_still_have(monkeypatch: pytest.MonkeyPatch) -> None:
    free = machine.free_memory()
    assert free > 1 << 20
    monkeypatch.setattr(machine, "memory_limit", lambda: machine.resident_memory() + 4096)
    assert machine.free_memory() <= 1 << 20


def test_processors_behind_one_name_are_told_apart(tmp_path):
    # A cloud calls several generations "AMD EPYC": what was measured on one was taken for another's.
    files = {model: tmp_path / str(model) for model in (17, 2)}
    for model, file in files.items():
        one = f"processor\t: 0\ncpu family\t: 25\nmodel\t\t: {model}\nmodel name\t: AMD EPYC\nstepping\t: 1\n"
        file.write_text(f"{one}\n{one}")
    assert processor_name(files[17]) == "AMD EPYC (family 25 model 17)"
    assert processor_name(files[2]) != processor_name(files[17])
    assert processor_name(tmp_path / "missing") == ""
    (tmp_path / "arm").write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert processor_name(tmp_path / "arm") == ""


FAULTS = """
import os, resource, torch
from graft.machine import choose
choose("cpu", "fp32")
faults = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 << 20)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(max(faults[4:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_memory_that_was_freed_is_used_again_unless_a_person_has_said_otherwise():
    def faults(**said: str) -> int:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
        done = subprocess.run([sys.executable, "-c", FAULTS], env=plain | said, capture_output=True, check=True)
        return int(done.stdout)

    pages = (64 << 20) // os.sysconf("SC_PAGE_SIZE")
    assert faults() < pages / 100
    assert faults(MALLOC_TRIM_THRESHOLD_="131072") > pages / 2 > 0
