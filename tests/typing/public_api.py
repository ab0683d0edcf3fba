"""Every public name as a user has it, for the type checker (`mypy`); it is not run."""

from pathlib import Path
from typing import assert_type

import tf_pretrain
from tf_pretrain.config import PretrainConfig


def configs() -> PretrainConfig:
    config: PretrainConfig = tf_pretrain.load_config("electra_small")
    model = tf_pretrain.EncoderConfig(hidden_size=64, parameter_sharing="all")
    assert_type(model.hidden_size, int)
    sharing: str = model.parameter_sharing
    assert sharing == "all"
    objective = tf_pretrain.ObjectiveConfig(name="masked_lm")
    name: str = objective.name
    assert name == "masked_lm"
    data = tf_pretrain.DataConfig(max_seq_length=64)
    assert_type(data.max_seq_length, int)
    train = tf_pretrain.TrainConfig(learning_rate=1e-3)
    assert_type(train.learning_rate, float)
    config = tf_pretrain.PretrainConfig(
        model=model, objective=objective, data=data, train=train
    )
    assert_type(config.train, tf_pretrain.TrainConfig)
    return config


def wrong_configs() -> None:
    tf_pretrain.EncoderConfig(hiden_size=64)  # type: ignore[call-arg]
    tf_pretrain.EncoderConfig(hidden_size="64")  # type: ignore[arg-type]
    print(tf_pretrain.no_such_name)  # type: ignore[attr-defined]


def runs(config: PretrainConfig, workdir: Path) -> None:
    sources = tf_pretrain.Sources(inputs="text/*.txt", num_workers=2)
    assert_type(sources.records, str | None)
    results = tf_pretrain.pretrain(config, workdir, sources)
    print(results["eval"])
    initial = tf_pretrain.InitialWeights(str(workdir), initialize_missing=True)
    tf_pretrain.pretrain(config, workdir, sources, initial=initial)


def own_loop(config: PretrainConfig, workdir: Path) -> None:
    objective = tf_pretrain.build_objective(config)
    trainer = tf_pretrain.Trainer(objective, accumulation_steps=2)
    for optimizer in (tf_pretrain.AdamW(1e-3), tf_pretrain.LAMB(1e-3)):
        trainer.compile(optimizer=optimizer)
    record_set = tf_pretrain.find_records(f"{workdir}/records/train-*.tfrecord")
    assert_type(record_set.files, tuple[str, ...])
    tokenizer = tf_pretrain.load_tokenizer(workdir)
    assert_type(tokenizer.vocab_size, int)
    batches = tf_pretrain.training_batches(
        record_set, config.data, tokenizer, seed=0, batch_size=32
    )
    trainer.fit(batches, steps_per_epoch=10)


def weights(workdir: Path) -> None:
    encoder = tf_pretrain.load_encoder(workdir)
    assert_type(encoder, tf_pretrain.Encoder)
    assert_type(tf_pretrain.load_pretrainer(workdir), tf_pretrain.Trainer)
    classifier = tf_pretrain.Classifier(encoder, num_outputs=2)
    model = tf_pretrain.TextClassifier(
        classifier, tf_pretrain.load_tokenizer(workdir), max_seq_length=128
    )
    model.compile(optimizer=tf_pretrain.AdamW(1e-4))
    model.fit(["good", "bad"], [1, 0])
    tuned = tf_pretrain.load_text_classifier(workdir)
    assert_type(tuned, tf_pretrain.TextClassifier)
    other_tasks(encoder, tf_pretrain.load_tokenizer(workdir), workdir)
    fine_tuned = tf_pretrain.load_classifier(workdir)
    assert_type(fine_tuned.classifier, tf_pretrain.Classifier)
    print(tf_pretrain.inspect_text(workdir, "a sentence", seed=1))


def other_tasks(encoder, tokenizer, workdir: Path) -> None:
    answerer = tf_pretrain.TextQuestionAnswerer(encoder, tokenizer, max_seq_length=384)
    answerer.fit((["who?"], ["It was me."]), [("me", 7)])
    assert_type(answerer.predict_texts((["who?"], ["It was me."])), list[str])
    loaded = tf_pretrain.load_question_answerer(workdir)
    assert_type(loaded, tf_pretrain.TextQuestionAnswerer)
    choice = tf_pretrain.load_multiple_choice(workdir)
    assert_type(choice, tf_pretrain.TextMultipleChoice)
    tagger = tf_pretrain.TextTagger(encoder, tokenizer, 128, class_names=["PER"])
    assert_type(tagger.predict(["It was me"]), list[list[str]])
    assert_type(tf_pretrain.load_tagger(workdir), tf_pretrain.TextTagger)


def errors(workdir: Path) -> None:
    try:
        weights(workdir)
    except tf_pretrain.UserError as error:
        print(error.args)
