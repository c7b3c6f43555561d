from tests.engine.harness import Harness, harness

__all__ = ["Harness", "harness"]
