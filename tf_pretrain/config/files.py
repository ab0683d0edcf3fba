"""Config files: Python with `get_config()`, which returns the config of a run.

For pretraining this is a PretrainConfig, for fine-tuning a FinetuneConfig. A config is
named by its file or, if it is one of this project's, by its bare name
(`electra_small`). The name may end in `:NAME`, which is passed to `get_config`.
"""

import importlib.util
import inspect
from pathlib import Path

from tf_pretrain.errors import ConfigError, nearest_name

# Inside the package if it is installed, beside the package in a clone.
CONFIGS = Path(__file__).parents[1] / "configs"
if not CONFIGS.is_dir():
    CONFIGS = Path(__file__).parents[2] / "configs"


def load_config(name: str, task=""):
    """Runs `get_config` of a config file and returns its config.

    Args:
        name: FILE or FILE:NAME. FILE may be the bare name of a file in `configs/`.
        task: Passed to `get_config` if it has an argument `task`.

    Raises:
        ConfigError: If there is no such file, if it has no `get_config`, or if
            `get_config` takes no NAME.
    """
    name, _, argument = name.partition(":")
    path = _find(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise ConfigError(f"{name} does not define get_config()")
    arguments = [argument] if argument else []
    parameters = set(inspect.signature(module.get_config).parameters)
    tasks = {"task": task} if "task" in parameters else {}
    if argument and not parameters - {"task"}:
        raise ConfigError(f"{name} takes no name after a colon, but has {argument!r}")
    return module.get_config(*arguments, **tasks)


def _find(name):
    """The config file of a name.

    A path in this project's folder, `configs/x.py`, is found from any folder.

    Raises:
        ConfigError: If there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    ours = CONFIGS / f"{path.name.removesuffix('.py')}.py"
    if ours.is_file() and path.parent in (Path(), Path("configs")):
        return ours
    known = sorted(file.stem for file in CONFIGS.glob("*.py"))
    hint = nearest_name(path.name.removesuffix(".py"), known)
    raise ConfigError(f"no config file {name}{hint} (configs: {', '.join(known)})")
