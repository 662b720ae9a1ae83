"""The generic runner of the scenario files in `tests/scenarios`. It knows no file by name."""
