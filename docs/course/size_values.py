"""Numbers in the chapter's sentences that follow from configs: sizes, FLOPs, targets.

Where a calculation is shown, it is a part of the text.
"""

import math

from docs.course import example_code
from docs.course.concept_tables import targets_of_a_batch
from docs.course.electra_design import generator_share
from docs.course.printed import power
from docs.drawing import sides
from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes


def config(name: str) -> PretrainConfig:
    """A config of this project, for example "electra_small.py"."""
    return load_config(f"{CONFIGS}/{name}")


def layer(model) -> int:
    """Weights of one layer."""
    counts = sizes.parameter_counts(model)
    return (counts["attention"] + counts["feed_forward"]) // model.num_units("ffn")


def values() -> dict[str, str]:
    """{name: text}; some texts are a whole calculation."""
    counts = _electra() | _quick() | _albert() | _toy()
    found = {name: n if isinstance(n, str) else f"{n:,}" for name, n in counts.items()}
    return found | _shares() | _costs()


def _electra():
    """ELECTRA-Small: its batches, its targets, and the weights of its parts."""
    small = config("electra_small.py")
    model, counts = small.model, sizes.parameter_counts(small.model)
    layers = counts["attention"] + counts["feed_forward"] + counts["projection"]
    steps, targets = small.train.num_steps, targets_of_a_batch(small, "tokens")
    rows = (model.vocab_size, model.max_position_embeddings, model.type_vocab_size)
    trained = sizes.trained_parameters(small)
    thrown = trained - counts["total"]
    return {
        "small-batch": small.train.batch_size,
        "small-length": small.data.max_seq_length,
        "small-masks": small.data.num_predictions,
        "small-batch-tokens": targets,
        "small-batch-masks": targets_of_a_batch(small, "masks"),
        "small-run-tokens": steps * targets,
        "small-run": f"{steps:,} × {targets:,} = {steps * targets:,}",
        "small-vocabulary": model.vocab_size,
        "small-e": model.embedding_size,
        "small-h": model.hidden_size,
        "small-f": model.intermediate_size,
        "small-layer": layer(model),
        "small-layers": (
            f"{model.num_hidden_layers} × {layer(model):,} + "
            f"{counts['projection']:,} = {layers:,}"
        ),
        "small-embeddings": (
            "({:,} + {} + {}) × {e} + 2 × {e} = {sum:,}".format(
                *rows, e=model.embedding_size, sum=counts["embeddings"]
            )
        ),
        "small-thrown": f"{thrown:,} / {trained:,} = {100 * thrown / trained:.1f} %",
        "rtd-weight": round(small.objective.discriminator_weight),
        **_generator(generator_config(small)),
    }


def _generator(model):
    h, f = model.hidden_size, model.intermediate_size
    sum_ = f"4 × ({h}² + {h}) + 2 × {h} × {f} + {f} + {h} + 2 × 2 × {h}"
    return {"gen-h": h, "gen-f": f, "gen-layer": f"{sum_} = {layer(model):,}"}


def _quick():
    quick = config("quickstart.py")
    batch, data = quick.train.batch_size, quick.data
    return {
        "quick-batch": batch,
        "quick-length": data.max_seq_length,
        "quick-masks": data.num_predictions,
        "quick-batch-masks": _product(batch, data.num_predictions),
        "quick-batch-tokens": _product(batch, data.max_seq_length),
        "quick-vocabulary": quick.model.vocab_size,
    }


def _albert():
    albert, xxlarge = config("albert.py:base_v1"), config("albert.py:xxlarge_v1")
    model, data, batch = albert.model, albert.data, albert.train.batch_size
    fifteen = round(data.masked_lm_prob * data.max_seq_length)
    v, e, h = model.vocab_size, model.embedding_size, model.hidden_size
    return {
        "albert-v": v,
        "albert-e": e,
        "albert-h": h,
        "table-bert": _product(v, h),
        "table-albert": f"{v:,} × {e} + {e} × {h} = {v * e + e * h:,}",
        "albert-layer": f"12 × {h}² + 13 × {h} = {layer(model):,}",
        "albert-layers-unshared": model.num_hidden_layers * layer(model),
        "albert-batch": batch,
        "albert-length": data.max_seq_length,
        "albert-masks": data.num_predictions,
        "albert-masks-15": fifteen,
        "albert-batch-masks": _product(batch, data.num_predictions),
        "albert-batch-masks-15": _product(batch, fifteen),
        "xxlarge-h": xxlarge.model.hidden_size,
        "xxlarge-layer": layer(xxlarge.model),
        "xxlarge-kept": sides.kept(xxlarge),
        "xxlarge-paper": sizes.paper_parameters(xxlarge),
    }


def _product(a, b):
    return f"{a:,} × {b:,} = {a * b:,}"


def _toy():
    toy = example_code.toy()
    electra, albert = (
        {name: math.prod(shape) for name, shape in shapes.items()}
        for shapes in (toy.electra(), toy.albert())
    )
    own = ("generator/", "masked_lm_head/")
    return {
        "toy-length": toy.LENGTH,
        "toy-masks": toy.NUM_PREDICTIONS,
        "toy-steps": toy.NUM_STEPS,
        "toy-v": len(toy.VOCABULARY),
        "toy-electra": sum(electra.values()),
        "toy-generator": sum(n for name, n in electra.items() if name.startswith(own)),
        "toy-albert": sum(albert.values()),
    }


def _shares():
    """Percentages, and the learning rate of ALBERT."""
    small, albert = config("electra_small.py"), config("albert.py:base_v1")
    shares = {
        "small-mask-rate": small.data.masked_lm_prob,
        "large-mask-rate": config("electra_large.py").data.masked_lm_prob,
        "small-mask-token": small.data.mask_token_prob,
        "albert-mask-token": albert.data.mask_token_prob,
        "albert-random-token": albert.data.random_token_prob,
    }
    found = {name: f"{100 * share:.0f}" for name, share in shares.items()}
    found["small-generator-share"] = f"{100 * generator_share(small):.1f}"
    found["albert-rate"] = f"{albert.train.learning_rate}"
    return found


def _costs():
    """Operations and memory of the base models, for texts of 128 tokens."""
    bert, albert = config("bert_base.py"), config("albert.py:base_v1")
    # ELECTRA-Large has the shape of BERT-large.
    large, xxlarge = config("electra_large.py"), config("albert.py:xxlarge_v1")
    products = {
        name: flops.encoder_matmul_flops(item.model, sides.LENGTH)
        for name, item in (
            ("bert", bert), ("albert", albert), ("large", large), ("xxlarge", xxlarge),
        )
    }  # fmt: skip
    counted = {
        name: flops.inference_flops(item.model, sides.LENGTH)
        for name, item in (("bert", bert), ("albert", albert))
    }
    v, e, length = bert.model.vocab_size, bert.model.embedding_size, sides.LENGTH
    lookup = length * 2 * e * (v + length + 2)
    memory = sides.step_memory(albert) / sides.step_memory(bert)
    return {
        "bert-base-products": power(products["bert"], 3),
        "albert-base-products": power(products["albert"], 3),
        "xxlarge-products-ratio": f"{products['xxlarge'] / products['large']:.1f}",
        "bert-base-paper-flops": power(counted["bert"], 3),
        "albert-base-paper-flops": power(counted["albert"], 3),
        "lookup-flops": (
            f"{length} × 2 × {e} × ({v:,} + {length} + 2) = {power(lookup, 3)}"
        ),
        "lookup-share": f"{100 * lookup / counted['bert']:.0f}",
        "albert-kept-share": f"{100 * sides.kept(albert) / sides.kept(bert):.0f}",
        "albert-memory-share": f"{100 * memory:.0f}",
    }
