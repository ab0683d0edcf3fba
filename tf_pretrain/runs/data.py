"""The data of a run: records, which are found or built, and their tokenizer."""

import dataclasses
import functools
import glob
import json
from pathlib import Path

from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import (
    pipelines,
    record_sets,
    tokenization,
    unigrams,
    vocabulary,
)
from tf_pretrain.data.build_records import MANIFEST, build_records
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange import vocabularies
from tf_pretrain.training.strategy import distributed_batches

_BAD_RECORDS_SHOWN = 10
_HELDOUT = "heldout-*.tfrecord"


@dataclasses.dataclass(frozen=True)
class Sources:
    """The data sources of a run.

    Attributes:
        inputs: Text to build records from; see tf_pretrain.data.text.
        records: Globs of TFRecords to train on instead of `inputs`.
        eval_records: Globs of held-out TFRecords. By default these are the files
            `heldout-*.tfrecord` beside the training records.
        vocab: Vocabulary file, tokenizer folder or Tokenizer. By default it is the one
            beside the records, or one is trained from the text.
        num_workers: Processes that build records.
    """

    inputs: str = "docs"
    records: str | None = None
    eval_records: str | None = None
    vocab: str | tokenization.Tokenizer | None = None
    num_workers: int = 2


@dataclasses.dataclass(frozen=True)
class RunData:
    """The records and the tokenizer of a run.

    Attributes:
        training: Records to train on.
        heldout: Records to score on; None if there are none.
        tokenizer: The tokenizer of both.
        config: The config of the run.
        num_bad_records: How many records are left out of both because of
            train.bad_records="skip".
    """

    training: record_sets.RecordSet
    heldout: record_sets.RecordSet | None
    tokenizer: tokenization.Tokenizer
    config: PretrainConfig
    num_bad_records: int

    @property
    def record_sets(self) -> list[record_sets.RecordSet]:
        """The record sets that exist."""
        return [self.training] + ([self.heldout] if self.heldout else [])

    def training_batches(self, seed: int, start_step: int, strategy=None):
        """Endless batches, beginning with that of `start_step`; see data/pipelines.py.

        Args:
            seed: The seed of order, masks and dropout.
            strategy: Where each replica gets its own rows; None for whole batches.
        """
        config = self.config
        if strategy is not None:
            config = dataclasses.replace(config, seed=seed)
            return distributed_batches(
                strategy, self.training, config, self.tokenizer, start_step
            )
        return pipelines.training_batches(
            self.training,
            config.data,
            self.tokenizer,
            seed,
            config.train.batch_size,
            start_step,
        )

    def heldout_batches(self):
        """The first `train.eval_steps` batches of held-out text, which never change."""
        config = self.config
        return pipelines.evaluation_batches(
            self.heldout,
            config.data,
            self.tokenizer,
            config.seed,
            config.train.batch_size,
            config.train.eval_steps,
        )

    @functools.cached_property
    def token_counts(self):
        """How often each piece occurs in the training text, int64 [V]."""
        return unigrams.count_tokens(
            self.training,
            self.config.data,
            self.tokenizer,
            self.config.model.vocab_size,
        )


def prepare_data(config: PretrainConfig, workdir: Path, sources: Sources) -> RunData:
    """Finds the records of a run, or builds them in its workdir.

    Raises:
        ConfigError: If data and config do not fit.
        record_sets.RecordError: If records cannot be read.
    """
    if sources.vocab is not None:
        vocab = vocabularies.load_for_run(sources.vocab, config.data)
        _check_size(vocab, config)  # before anything is built
        sources = dataclasses.replace(sources, vocab=vocab)
    pattern = sources.records
    if pattern is None:
        if config.train.strategy == "multi_worker":
            raise ConfigError(
                "train.strategy=multi_worker needs --records: build them once with "
                "`python -m tf_pretrain.build_records`"
            )
        folder = workdir / "records"
        vocabulary.prepare_tokenizer(config, sources.inputs, sources.vocab, folder)
        build_records(
            sources.inputs,
            folder,
            folder,
            config.data,
            config.seed,
            sources.num_workers,
        )
        pattern = str(folder / "train-*.tfrecord")
    for part in pattern.split(","):
        if Path(part).is_dir():
            raise ConfigError(f"{part} is a folder; add /train-*.tfrecord")
    folders = _folders(pattern)
    tokenizer = tokenization.load_tokenizer(
        sources.vocab or folders[0], config.data.lower_case, config.data.strip_accents
    )
    _check_size(tokenizer, config)
    heldout_pattern = sources.eval_records or ",".join(
        f"{folder}/{_HELDOUT}" for folder in folders if list(folder.glob(_HELDOUT))
    )
    for folder in dict.fromkeys([*folders, *_folders(heldout_pattern)]):
        _check_folder(folder, config.data, tokenizer)
    training, num_bad = _find(pattern, config, tokenizer)
    training.require_batch(config.train.batch_size)
    if not heldout_pattern:
        print(f"no {folders[0]}/{_HELDOUT}: the run ends without held-out scores")
        return RunData(training, None, tokenizer, config, num_bad)
    heldout, num_bad_heldout = _find(heldout_pattern, config, tokenizer)
    train_files = {Path(file).resolve() for file in training.files}
    both = [file for file in heldout.files if Path(file).resolve() in train_files]
    if both:
        raise ConfigError(
            f"{both[0]} is held out, but would be trained on too; set "
            f"--records={folders[0]}/train-*.tfrecord, or other --eval_records"
        )
    num_bad += num_bad_heldout
    heldout = heldout if heldout.num_examples else None
    return RunData(training, heldout, tokenizer, config, num_bad)


def _check_size(tokenizer, config):
    """Raises ConfigError if the vocabulary has more pieces than the model."""
    if tokenizer.vocab_size > config.model.vocab_size:
        raise ConfigError(
            f"the vocabulary has {tokenizer.vocab_size} pieces, but model.vocab_size "
            f"is {config.model.vocab_size}; set "
            f"--config.model.vocab_size={tokenizer.vocab_size}"
        )


def _folders(pattern):
    """The folders of the files that match. If none matches, the glob's own folder."""
    found = []
    for part in filter(None, pattern.split(",")):
        files = sorted(glob.glob(part, recursive=True)) or [part]
        found += [Path(file).parent for file in files]
    return list(dict.fromkeys(found))


def _check_folder(folder, data, tokenizer):
    """Compares what a folder says about its records with the run's settings.

    Raises:
        ConfigError: If they have another format or length, other masks or another
            vocabulary.
    """
    manifest = folder / MANIFEST
    if manifest.is_file():
        settings = json.loads(manifest.read_text(encoding="utf-8"))["settings"]
        names = ["example_format", "masking", "max_seq_length"]
        if data.masking == "static":
            names.append("max_predictions_per_seq")
        for name in names:
            found, wanted = settings[name], getattr(data, name)
            if found != wanted:
                raise ConfigError(
                    f"the records in {folder} were built with data.{name} {found!r}, "
                    f"but the run's is {wanted!r}"
                )
    if tokenization.is_tokenizer_folder(folder):
        found = tokenization.load_tokenizer(folder)
        if found.fingerprint != tokenizer.fingerprint:
            raise ConfigError(
                f"the records in {folder} have another vocabulary than the run"
            )


def _find(pattern, config, tokenizer):
    """The records that match and, with bad_records="skip", how many are left out."""
    if config.train.bad_records == "strict":
        return record_sets.find_records(pattern), 0
    found, bad = record_sets.find_good_records(
        pattern, config.data, tokenizer.vocab_size
    )
    for record in bad[:_BAD_RECORDS_SHOWN]:
        print(f"left out: {record}")
    print(f"{len(bad)} bad records of {pattern} are left out", flush=True)
    return found, len(bad)
