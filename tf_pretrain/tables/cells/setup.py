"""The settings that all cells of one command share."""

import dataclasses
import hashlib
from pathlib import Path

from tf_pretrain.data import text


@dataclasses.dataclass(frozen=True)
class Setup:
    """What a command's flags say about all of its cells.

    Attributes:
        workdir: Folder of all results.
        scale: "lab" or "paper".
        inputs: Text, see tf_pretrain.data.text.
        vocab: Vocabulary file; None to train one for each kind and size.
        data_dir: Folder with a folder for each named task; None to take GLUE from
            tensorflow-datasets.
        tasks: Names of tasks (GLUE's, and `kinds.OFFICIAL`), or folders of own tasks.
        finetune: {field of FinetuneSettings: text}, which override the scale's values.
        num_workers: Processes that build records.
        backend: Keras' backend for pretraining: "tensorflow", "jax" or "torch".
        command: The command line, for the report.
    """

    workdir: str
    scale: str = "lab"
    inputs: str = "docs"
    vocab: str | None = None
    data_dir: str | None = None
    tasks: tuple[str, ...] = ()
    finetune: dict = dataclasses.field(default_factory=dict)
    num_workers: int = 1
    backend: str = "tensorflow"
    command: str = ""

    def identity(self) -> dict:
        """Names and sizes of the text's files, and the vocabulary's checksum."""
        described = [
            {**item, "name": Path(item["name"]).name}
            for item in text.describe_inputs(self.inputs)
        ]
        vocab = None
        if self.vocab is not None:
            vocab = hashlib.sha256(Path(self.vocab).read_bytes()).hexdigest()
        return {"inputs": described, "vocab": vocab}
