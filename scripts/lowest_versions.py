"""Print constraints for pip: the oldest version of each dependency that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lowest(requirements: list[str]) -> list[str]:
    """name==version for each requirement with a lower bound."""
    found = (re.match(r"([\w.-]+)(?:\[.*?\])?>=([\w.]+)", x) for x in requirements)
    return [f"{x[1]}=={x[2]}" for x in found if x]


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    tested = [
        x
        for name in ("onnx", "openvino", "serve", "hub", "heif", "tfds")
        for x in extras[name]
    ]
    print("\n".join(lowest([*project["dependencies"], *tested])))
