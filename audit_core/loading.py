"""From "package.module:Class" to the object it names."""

import importlib
import importlib.util
import sys
from typing import Any


def load(target: str, file: str | None) -> Any:
    """The object "package.module:Class" names; from a file where the plugin is a single file.

    Raises:
        ImportError, AttributeError: It is not there.
    """
    module_name, _, attribute = target.partition(":")
    if file is not None:
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise ImportError(module_name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(module_name)
    return getattr(module, attribute)
