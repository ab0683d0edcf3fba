"""The chapter's terms: one Chinese term for each English one, and what is refused."""

# English: Chinese term, variants that the Chinese text must not use.
TERMS = {
    "self-supervised learning": ("自监督学习", ("自我监督学习",)),
    "pretraining": ("预训练", ("预先训练",)),
    "fine-tuning": ("微调", ("精调",)),
    "downstream task": ("下游任务", ()),
    "random weights": ("随机初始化", ()),
    "token": ("词元", ("标记", "令牌")),
    "piece": ("子词", ()),
    "masked language model": (
        "掩码语言模型",
        ("掩蔽", "遮蔽", "屏蔽", "遮掩"),
    ),
    "mask": ("掩码", ("面具", "蒙版")),
    "replaced-token detection": ("替换词检测", ("替换标记检测", "替换令牌检测")),
    "generator": ("生成器", ()),
    "discriminator": ("判别器", ("鉴别器",)),
    "sampling": ("采样", ()),
    "next-sentence prediction": ("下一句预测", ("下句预测",)),
    "sentence-order prediction": ("句序预测", ()),
    "segment": ("句段", ("片段",)),
    "n-gram masking": ("n元掩码", ()),
    "factorised embedding parameterisation": ("嵌入分解", ("嵌入矩阵因子化",)),
    "cross-layer parameter sharing": ("跨层参数共享", ("层间参数共享",)),
    "hidden size": ("隐藏维度", ()),
    "weight tying": ("权重绑定", ("权值捆绑",)),
    "vocabulary": ("词表", ("词汇表",)),
    "held-out text": ("留出文本", ()),
    "dev set": ("验证集", ("开发集",)),
    "accuracy": ("准确率", ()),
    "seed": ("随机种子", ()),
    "spread": ("极差", ()),
    "equal compute": ("等计算量", ()),
    "sentiment analysis": ("情感分析", ()),
}
REFUSED = {variant: term for term, variants in TERMS.values() for variant in variants}
