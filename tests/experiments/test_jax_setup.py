"""What is set before JAX starts."""

import pytest

from experiments import jax_setup


@pytest.mark.parametrize(
    ("installed", "given", "expected"),
    [
        (False, "", ""),
        (True, "", "--xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL"),
        (True, "--a=b", "--a=b --xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL"),
        (True, "--xla_gpu_enable_command_buffer=", "--xla_gpu_enable_command_buffer="),
    ],
)
def test_loops_stay_on_a_gpu_unless_the_user_says_otherwise(monkeypatch, installed, given, expected):
    monkeypatch.setattr(jax_setup, "find_spec", lambda name: object() if installed and name == "jax_cuda13_plugin" else None)
    monkeypatch.setenv("XLA_FLAGS", given)
    jax_setup.loops_on_the_device()
    assert jax_setup.os.environ["XLA_FLAGS"] == expected
