"""What this machine computes on, and in which number format."""

from functools import lru_cache

import torch

from assistant.settings import Settings


@lru_cache(maxsize=1)
def accelerator() -> str:
    """``cuda``, ``mps``, ``xpu`` … where torch finds one, else ``cpu``."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found.type if found is not None else "cpu"


@lru_cache(maxsize=1)
def fast_bf16() -> bool:
    """Whether bf16 is computed natively here. Emulated bf16 is slower than float32."""
    if accelerator() == "cuda":
        return torch.cuda.is_bf16_supported()
    if accelerator() != "cpu":
        return False
    cpu = torch.cpu
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(cpu, name)() for name in checks if hasattr(cpu, name))


def precision() -> torch.dtype:
    """bf16 where it is native, float16 on other accelerators, else float32."""
    if fast_bf16():
        return torch.bfloat16
    return torch.float32 if accelerator() == "cpu" else torch.float16


def device_summary() -> str:
    """One line for ``doctor``: device, number format, threads."""
    where = accelerator()
    if where == "cuda":
        where = f"cuda ({torch.cuda.get_device_name()})"
    kind = str(precision()).removeprefix("torch.")
    return f"{where}, {kind}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def use_threads(settings: Settings) -> None:
    """Apply ``settings.threads`` to torch (0 keeps its own choice: all cores)."""
    if settings.threads and torch.get_num_threads() != settings.threads:
        torch.set_num_threads(settings.threads)


def quiet() -> None:
    """No progress bars or notices of transformers on the terminal: the program reports by itself."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
