"""Whether a device should compute in bfloat16."""

import pytest
import torch

from forge_agents import devices


@pytest.fixture
def instructions(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What the processor says that it has."""
    able: dict[str, bool] = {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    return able


def test_a_processor_without_the_instructions_is_not_measured(
    instructions: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure() -> float:
        raise AssertionError("it was measured")

    monkeypatch.setattr(devices, "cpu_speedup_by_bfloat16", measure)
    assert not devices.gains_by_bfloat16("cpu")


@pytest.mark.parametrize(("speedup", "gains"), [(0.5, False), (1.1, False), (4.0, True)])
def test_the_instructions_alone_do_not_decide(
    instructions: dict[str, bool], monkeypatch: pytest.MonkeyPatch, speedup: float, gains: bool
) -> None:
    instructions["avx512_bf16"] = True
    monkeypatch.setattr(devices, "cpu_speedup_by_bfloat16", lambda: speedup)
    assert devices.gains_by_bfloat16(torch.device("cpu")) is gains


def test_the_measurement_is_of_this_processor() -> None:
    devices.cpu_speedup_by_bfloat16.cache_clear()
    speedup = devices.cpu_speedup_by_bfloat16()
    assert 0.001 < speedup < 100
    assert devices.cpu_speedup_by_bfloat16() == speedup
