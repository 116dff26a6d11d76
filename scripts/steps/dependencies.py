"""Print the addons of Odoo that addons of this repository depend on, comma-separated.

Usage: dependencies.py FOLDER ADDON...
"""

import ast
import sys
from pathlib import Path


def dependencies(folder, addons):
    """Read the manifests; what the repository holds itself is left out."""
    needed = {"base"}
    for addon in addons:
        manifest = (folder / addon / "__manifest__.py").read_text(encoding="utf-8")
        needed.update(ast.literal_eval(manifest)["depends"])
    return sorted(name for name in needed if not (folder / name).is_dir())


if __name__ == "__main__":
    print(",".join(dependencies(Path(sys.argv[1]), sys.argv[2:])))
