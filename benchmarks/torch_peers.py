"""Hugging Face transformers on PyTorch: contestants for benchmarks.worker."""

import itertools
import time
from pathlib import Path

import numpy as np

from benchmarks import corpus
from tf_pretrain import config as config_lib


def electra_step(folder, head="all", compiled=False):
    """ELECTRA-Small's pretraining step; see `electra_loss`."""
    config = corpus.electra_config()
    network, loss_of = electra_loss(config, head)
    batches = [electra_targets(b) for b in corpus.load_batches(folder, "electra")]
    return timed_step(network, loss_of, batches, compiled)


def electra_loss(config, head):
    """The joint loss from `ElectraForMaskedLM` and `ElectraForPreTraining`.

    transformers has no joint pretraining class: embeddings are tied, slots sampled and
    the losses added here, as its users do.

    Args:
        config: A PretrainConfig.
        head: "all": the generator's vocabulary head over every position, as the class
            does it; "gathered": over the masked positions only.

    Returns:
        A module that holds both networks, and the loss as a function of a batch.
    """
    import torch
    import transformers

    model = config.model
    discriminator = transformers.ElectraForPreTraining(electra_network_config(model))
    generator = transformers.ElectraForMaskedLM(
        electra_network_config(config_lib.generator_config(config))
    )
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.generator_lm_head.weight = (
        discriminator.electra.embeddings.word_embeddings.weight
    )

    def loss_of(batch):
        shared = {
            "attention_mask": batch["input_mask"],
            "token_type_ids": batch["segment_ids"],
        }
        positions = batch["masked_lm_positions"]
        if head == "all":
            output = generator(
                input_ids=batch["masked_input_ids"],
                labels=batch["masked_lm_labels"],
                **shared,
            )
            masked_lm_loss = output.loss
            index = positions[:, :, None].expand(-1, -1, model.vocab_size)
            logits = output.logits.detach().gather(1, index)
        else:
            states = generator.electra(
                input_ids=batch["masked_input_ids"], **shared
            ).last_hidden_state
            index = positions[:, :, None].expand(-1, -1, states.shape[-1])
            states = generator.generator_predictions(states.gather(1, index))
            logits = generator.generator_lm_head(states)
            masked_lm_loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), batch["slot_labels"].flatten()
            )
            logits = logits.detach()
        # By inverting the distribution, as ours: Gumbel noise over the vocabulary costs
        # PyTorch, which draws it on one thread, several times as much.
        mass = logits.float().softmax(-1).cumsum(-1)
        total = mass[..., -1:]
        drawn = torch.rand(total.shape, device=mass.device) * total
        sampled = torch.searchsorted(mass, drawn).squeeze(-1)
        sampled = sampled.clamp(max=model.vocab_size - 1)
        ids = batch["input_ids"]
        written = ids.scatter(1, positions, sampled)
        written = torch.cat([ids[:, :1], written[:, 1:]], 1)  # 0: an unused slot's
        labels = (written != ids).float()
        detected = discriminator(input_ids=written, labels=labels, **shared)
        weight = config.objective.discriminator_weight
        return masked_lm_loss + weight * detected.loss

    return torch.nn.ModuleList([generator, discriminator]).train(), loss_of


def electra_network_config(model):
    import transformers

    return transformers.ElectraConfig(
        vocab_size=model.vocab_size,
        embedding_size=model.embedding_size,
        hidden_size=model.hidden_size,
        num_hidden_layers=model.num_hidden_layers,
        num_attention_heads=model.num_attention_heads,
        intermediate_size=model.intermediate_size,
    )


def electra_targets(batch):
    """The batch with the labels that transformers expects: -100 where none is."""
    slots = np.where(batch["masked_lm_weights"] > 0, batch["masked_lm_ids"], -100)
    return _with_labels(batch) | {"slot_labels": slots}


def _with_labels(batch):
    labels = np.full_like(batch["input_ids"], -100)
    row, slot = np.nonzero(batch["masked_lm_weights"])
    position = batch["masked_lm_positions"][row, slot]
    labels[row, position] = batch["masked_lm_ids"][row, slot]
    return batch | {"masked_lm_labels": labels}


def albert_step(folder, compiled=False):
    """ALBERT-base version 2 from `AlbertForPreTraining`, which heads every position."""
    import transformers

    model = corpus.albert_config().model
    network = transformers.AlbertForPreTraining(
        transformers.AlbertConfig(
            vocab_size=model.vocab_size,
            embedding_size=model.embedding_size,
            hidden_size=model.hidden_size,
            num_hidden_layers=model.num_hidden_layers,
            num_attention_heads=model.num_attention_heads,
            intermediate_size=model.intermediate_size,
            hidden_dropout_prob=0,
            attention_probs_dropout_prob=0,
        )
    ).train()

    def loss_of(batch):
        return network(
            input_ids=batch["masked_input_ids"],
            attention_mask=batch["input_mask"],
            token_type_ids=batch["segment_ids"],
            labels=batch["masked_lm_labels"],
            sentence_order_label=batch["next_sentence_labels"][:, 0],
        ).loss

    batches = [_with_labels(batch) for batch in corpus.load_batches(folder, "albert")]
    return timed_step(network, loss_of, batches, compiled)


def timed_step(network, loss_of, batches, compiled, device="cpu", autocast=False):
    """`run(steps)`: forward, backward, clip, fused AdamW.

    Args:
        batches: Dicts of NumPy features, taken in turn.
        autocast: Computes in bfloat16 where PyTorch thinks it safe.
    """
    import torch

    tokens = itertools.cycle([corpus.real_tokens(batch) for batch in batches])
    stream = itertools.cycle([_tensors(batch, device) for batch in batches])
    loss_of = torch.compile(loss_of) if compiled else loss_of

    def cast_loss(batch):
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            return loss_of(batch)

    step = train_step(network.to(device), cast_loss)
    for _ in range(2):  # compiles
        step(next(stream))
        next(tokens)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            loss = step(next(stream))
        loss.item()  # waits
        seconds = time.perf_counter() - began
        seen = sum(next(tokens) for _ in range(steps))
        return {"seconds": seconds / steps, "tokens_per_s": seen / seconds}

    return run


def _tensors(batch, device):
    import torch

    return {
        name: torch.from_numpy(value.astype(np.int64)).to(device)
        for name, value in batch.items()
        if value.dtype.kind == "i"
    }


def train_step(network, loss_of):
    import torch

    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)

    def step(batch):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return step


def _electra_classifier():
    import transformers

    return transformers.ElectraForSequenceClassification(
        electra_network_config(corpus.electra_config().model)
    )


def _fast_tokenizer(folder):
    import transformers

    return transformers.BertTokenizerFast(
        vocab=str(Path(folder, "wordpiece", "vocab.txt")), do_lower_case=True
    )


def finetuning(folder, texts, labels, batch_size, padding):
    """`ElectraForSequenceClassification` on sentences in random order.

    Args:
        padding: "max_length" (128) or "longest" of each batch.
    """
    import torch

    tokenizer = _fast_tokenizer(folder)
    network = _electra_classifier().train()
    step = train_step(network, lambda batch: network(**batch).loss)
    rng = np.random.default_rng(0)

    def stream():
        while True:
            order = rng.permutation(len(texts))
            for rows in order[: len(order) // batch_size * batch_size].reshape(
                -1, batch_size
            ):
                batch = tokenizer(
                    [texts[row] for row in rows],
                    padding=padding,
                    truncation=True,
                    max_length=128,
                    return_tensors="pt",
                )
                yield dict(batch) | {"labels": torch.tensor([labels[r] for r in rows])}

    batches = stream()
    step(next(batches))

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            step(next(batches))
        return {"sentences_per_s": steps * batch_size / (time.perf_counter() - began)}

    return run


def serving(folder, text):
    """Fast tokenizer and `ElectraForSequenceClassification`, eager."""
    import torch

    tokenizer, network = _fast_tokenizer(folder), _electra_classifier().eval()

    def run(calls):
        seconds = []
        with torch.inference_mode():
            for _ in range(calls):
                began = time.perf_counter()
                batch = tokenizer([text], return_tensors="pt")
                network(**batch).logits.softmax(-1).numpy()
                seconds.append(time.perf_counter() - began)
        pieces = batch["input_ids"].shape[1]
        return {"seconds": float(np.median(seconds)), "pieces": pieces}

    run(5)
    return run


def matrix_rate():
    """float32 products of 2048 x 2048 matrices in PyTorch."""
    import torch

    a, b = (torch.randn(2048, 2048) for _ in range(2))
    torch.mm(a, b)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            torch.mm(a, b)
        return {"rate": 2 * 2048**3 * steps / (time.perf_counter() - began)}

    return run
