"""The code of the examples explained, line by line, in English and Chinese."""

from typing import NamedTuple


class Note(NamedTuple):
    """What a line of code does.

    english, chinese: The explanation.
    source: Where it is from.
    module, name: Where tf_pretrain does the same.
    """

    english: str
    chinese: str
    source: str
    module: str
    name: str


_ELECTRA = "Clark et al. (2020), 3.1"
_ALBERT = "Lan et al. (2019), 3.1"
_TYING = "Clark et al. (2020), 3.2"
_BERT = "Devlin et al. (2018)"
_PROGRAM, _ALBERT_PROGRAM = "google-research/electra", "google-research/albert"
_MODELS, _TRAINING = "tf_pretrain/models/", "tf_pretrain/training/"

# The callouts of examples/electra_*.py and examples/albert_*.py by their numbers.
NOTES = {
    "electra": {
        1: Note(
            "Each token is the sum of three vectors: its word, its position and its "
            "segment. Both networks read the same tables.",
            "每个词元是词、位置和句段三个向量之和。两个网络共用这些嵌入矩阵。",
            _TYING,
            _MODELS + "layers.py",
            "Embeddings",
        ),
        2: Note(
            "Padding gets a large negative score, so no token attends to it.",
            "填充处加上一个很大的负数，因此没有词元会注意到它。",
            "Vaswani et al. (2017), 3.2",
            _MODELS + "encoder.py",
            "Encoder",
        ),
        3: Note(
            "Only the masked positions go on, so the product with the vocabulary is "
            "small.",
            "只有掩码位置继续计算，所以与词表相乘的计算量很小。",
            _PROGRAM,
            _MODELS + "heads.py",
            "gather_positions",
        ),
        4: Note(
            "The output layer is the word table itself (weight tying).",
            "输出层就是词嵌入矩阵本身（权重绑定）。",
            _TYING,
            _MODELS + "heads.py",
            "MaskedLMHead",
        ),
        5: Note(
            "No gradient flows through the sampling. The generator is trained by "
            "likelihood and is not an adversary.",
            "采样处不回传梯度。生成器用最大似然训练，不是对抗训练。",
            _ELECTRA,
            _MODELS + "generators.py",
            "Generator",
        ),
        6: Note(
            "The sample is the first word whose cumulative probability exceeds the "
            "uniform random number.",
            "采样结果是累积概率超过均匀随机数的第一个词。",
            _ELECTRA,
            _MODELS + "heads.py",
            "sample_categorical",
        ),
        7: Note(
            "Unused slots point to the first position, where they write [CLS] over "
            "[CLS].",
            "没有用到的槽位指向第一个位置，在那里用[CLS]覆盖[CLS]。",
            _PROGRAM,
            _MODELS + "heads.py",
            "scatter_ids",
        ),
        8: Note(
            "A sample that equals the original word counts as original.",
            "采样出的词如果与原词相同，就算作原词。",
            _ELECTRA,
            _MODELS + "generators.py",
            "corrupt",
        ),
        9: Note(
            "The discriminator's loss counts every real token, [CLS] and [SEP] "
            "included, and no padding.",
            "判别器的损失计入每个真实词元，包括[CLS]和[SEP]，不计填充。",
            _ELECTRA,
            _MODELS + "objectives.py",
            "ReplacedTokenDetection",
        ),
        10: Note(
            "If the gradient of all weights together is longer than 1, it is scaled "
            "to 1.",
            "所有权重的梯度合起来，如果长度超过1，就缩放到1。",
            _PROGRAM,
            _TRAINING + "optimizers.py",
            "AdamFamily",
        ),
        11: Note(
            "The moments start at 0, and this bias is not corrected, as in the "
            "original program.",
            "动量从0开始，由此产生的偏差不作修正，与原程序相同。",
            _PROGRAM,
            _TRAINING + "optimizers.py",
            "AdamW",
        ),
        12: Note(
            "All weights but biases and LayerNorm decay. The decay is not part of the "
            "gradient, so the moments do not contain it.",
            "除偏置和LayerNorm之外的权重都会衰减。衰减不属于梯度，所以不进入动量。",
            _PROGRAM,
            _TRAINING + "optimizers.py",
            "AdamFamily",
        ),
        13: Note(
            "TensorFlow compiles this function into a graph at the first call. "
            "PyTorch runs its operations one after the other.",
            "TensorFlow在第一次调用时把这个函数编译成图。PyTorch逐个执行其中的运算。",
            "Abadi et al. (2016), Paszke et al. (2019)",
            _TRAINING + "tensorflow_step.py",
            "TensorFlowStep",
        ),
        14: Note(
            "The discriminator's loss is much smaller than the generator's and gets "
            "the weight 50.",
            "判别器的损失比生成器的小得多，所以权重取50。",
            _ELECTRA,
            _MODELS + "objectives.py",
            "ReplacedTokenDetection",
        ),
    },
    "albert": {
        1: Note(
            "The tables have the width E, and a dense layer leads to the width H of "
            "the layers (factorised embeddings).",
            "嵌入矩阵的宽度是E，一个全连接层把它变成各层的宽度H（嵌入分解）。",
            _ALBERT,
            _MODELS + "encoder.py",
            "Encoder",
        ),
        2: Note(
            "Every layer uses the same weights (cross-layer parameter sharing). This "
            "saves memory and no time.",
            "每一层都使用同一组权重（跨层参数共享）。这节省内存，但不节省时间。",
            _ALBERT,
            _MODELS + "encoder.py",
            "Encoder",
        ),
        3: Note(
            "ALBERT's program approximates GELU with tanh. ELECTRA's computes it "
            "exactly.",
            "ALBERT的程序用tanh近似GELU，ELECTRA的程序则精确计算。",
            _ALBERT_PROGRAM,
            _MODELS + "layers.py",
            "activation",
        ),
        4: Note(
            "The states have the width E again, so the word table can be the output "
            "layer (weight tying).",
            "状态的宽度又变回E，因此词嵌入矩阵可以作为输出层（权重绑定）。",
            _ALBERT_PROGRAM,
            _MODELS + "heads.py",
            "MaskedLMHead",
        ),
        5: Note(
            "The final state of [CLS] goes through a dense layer with tanh.",
            "[CLS]的最终状态经过一个带tanh的全连接层。",
            _BERT,
            _MODELS + "encoder.py",
            "Encoder",
        ),
        6: Note(
            "The mean over the slots in use. The small number avoids a division by "
            "zero.",
            "对用到的槽位取平均。加上一个小数，避免除以零。",
            _ALBERT_PROGRAM,
            _MODELS + "losses.py",
            "LossTerm",
        ),
        7: Note(
            "Sentence-order prediction: the label is 1 if the two sentences were "
            "swapped.",
            "句序预测：两个句子交换过，标签就是1。",
            _ALBERT,
            _MODELS + "objectives.py",
            "Objective",
        ),
        8: Note(
            "LAMB: a matrix moves by a share of its own length (trust ratio). The "
            "weight decay is part of the update.",
            "LAMB：矩阵移动的距离与它自身的长度成比例（信任比）。权重衰减也在更新之内。",
            "You et al. (2019)",
            _TRAINING + "optimizers.py",
            "LAMB",
        ),
        9: Note(
            "Both losses have the same weight.",
            "两个损失的权重相同。",
            _ALBERT,
            _MODELS + "objectives.py",
            "MaskedLM",
        ),
    },
}

# What a line does in both frameworks: English, Chinese, and a part of the line of
# examples/electra_tensorflow.py and of examples/electra_pytorch.py; None if there is no
# such line.
PAIRS = [
    ("create weights", "创建权重", "tf.Variable(x)", "x.requires_grad_()"),
    (
        "look up embeddings",
        "查嵌入矩阵",
        'tf.gather(w["embeddings/word',
        "F.embedding(ids",
    ),
    ("attention", "注意力", "tf.nn.softmax(scores", "F.softmax(scores"),
    ("gather masked positions", "取出掩码位置", "batch_dims=1", "take_along_dim"),
    ("stop the gradient", "不回传梯度", "stop_gradient", ".detach()"),
    ("sample", "采样", "tf.cumsum", ".cumsum("),
    ("write the samples", "写入采样结果", "scatter_nd_update", "ids.scatter("),
    (
        "masked-LM loss",
        "掩码语言模型的损失",
        "sparse_softmax_cross",
        "F.cross_entropy",
    ),
    (
        "replaced-token loss",
        "替换词检测的损失",
        "sigmoid_cross",
        "binary_cross_entropy",
    ),
    ("gradients", "梯度", "tape.gradient", "autograd.grad"),
    ("clip", "裁剪梯度", "tf.maximum(norm", "norm.clamp"),
    ("update", "更新权重", "assign_sub", "w[name] -="),
    ("compile", "编译", "@tf.function", None),
]

LABELS = {
    "step": ("step", "步骤"),
    "callout": ("no.", "编号"),
    "lines": ("line", "行"),
    "code": ("code", "代码"),
    "meaning": ("what it does", "作用"),
    "source": ("source", "出处"),
    "project": ("in this project", "本项目中的位置"),
    "complete": ("The whole file", "完整文件"),
    "in_pytorch": ("The same in PyTorch", "PyTorch版本"),
    "library_changes": (
        "On PyTorch only these lines differ (`-`: TensorFlow, `+`: PyTorch):",
        "在PyTorch上只有以下几行不同（`-`为TensorFlow，`+`为PyTorch）：",
    ),
    "electra_part": (
        "ELECTRA: Figures 13 and 14",
        "ELECTRA：图13和图14",
    ),
    "albert_part": ("ALBERT: Figure 15", "ALBERT：图15"),
    "line_note": (
        "Lines are those of {tensorflow} and {pytorch}; the code is TensorFlow's.",
        "行号依次对应{tensorflow}和{pytorch}，代码取自TensorFlow版本。",
    ),
    "equal_note": (
        "From the same weights and the first batch, both print a masked-LM loss of "
        "{masked_lm:.4f} and a replaced-token loss of {replaced_token:.4f}. A test "
        "compares the losses of 20 steps.",
        "从相同的权重出发，对第一批数据，两者的掩码语言模型损失都是{masked_lm:.4f}，"
        "替换词检测损失都是{replaced_token:.4f}。测试会比较20步的损失。",
    ),
}
