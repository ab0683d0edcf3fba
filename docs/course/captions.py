"""Headings and captions of the chapter, in the order of its pages."""

LANGUAGES = ("en", "zh")

# id: English, Chinese. The Chinese wording is that of the course's outline.
CAPTIONS = {
    "f1": (
        "Figure 1. How self-supervised learning works",
        "图1 自监督学习的基本工作原理示意图",
    ),
    "t1": (
        "Table 1. Self-supervised learning and other ways of learning",
        "表1 自监督学习与其他学习方法的对比",
    ),
    "f2": (
        "Figure 2. What self-supervised pretraining gains",
        "图2 自监督学习的优势示意图",
    ),
    "t2": (
        "Table 2. What self-supervised pretraining gains on different tasks",
        "表2 自监督学习在不同任务中的效果对比",
    ),
    "f3": ("Figure 3. ELECTRA at a glance", "图3 ELECTRA模型的基本架构示意图"),
    "t3": ("Table 3. ELECTRA and other models", "表3 ELECTRA模型与其他模型的对比"),
    "f4": (
        "Figure 4. ELECTRA's generator and discriminator",
        "图4 ELECTRA模型的生成器和判别器架构示意图",
    ),
    "t4": ("Table 4. ELECTRA's design choices", "表4 ELECTRA模型的架构设计对比"),
    "f5": (
        "Figure 5. ELECTRA's pretraining, step by step",
        "图5 ELECTRA的预训练流程图",
    ),
    "t5": (
        "Table 5. ELECTRA's pretraining on different data sets",
        "表5 ELECTRA预训练方法在不同数据集上的表现",
    ),
    "f6": ("Figure 6. ALBERT at a glance", "图6 ALBERT模型的基本架构示意图"),
    "t6": ("Table 6. ALBERT and other models", "表6 ALBERT模型与其他模型的对比"),
    "f7": (
        "Figure 7. ALBERT's shared parameters and factorised embeddings",
        "图7 ALBERT模型的参数共享和嵌入矩阵分解示意图",
    ),
    "t7": ("Table 7. ALBERT's design choices", "表7 ALBERT模型的架构设计对比"),
    "f8": (
        "Figure 8. ALBERT's pretraining, step by step",
        "图8 ALBERT的预训练流程图",
    ),
    "t8": (
        "Table 8. ALBERT's pretraining on different data sets",
        "表8 ALBERT预训练方法在不同数据集上的表现",
    ),
    "f9": (
        "Figure 9. ELECTRA and ALBERT on different tasks",
        "图9 ELECTRA与ALBERT在不同任务中的性能对比图",
    ),
    "t9": (
        "Table 9. Performance of ELECTRA and ALBERT",
        "表9 ELECTRA与ALBERT的性能对比数据",
    ),
    "f10": (
        "Figure 10. The architectures of ELECTRA and ALBERT side by side",
        "图10 ELECTRA与ALBERT的架构对比示意图",
    ),
    "t10": (
        "Table 10. Design of ELECTRA and ALBERT",
        "表10 ELECTRA与ALBERT的架构设计对比",
    ),
    "f11": (
        "Figure 11. Self-supervised pretraining for text classification",
        "图11 自监督预训练在文本分类中的应用示意图",
    ),
    "t11": (
        "Table 11. Pretraining on text-classification data sets",
        "表11 自监督预训练在不同文本分类任务中的表现",
    ),
    "f12": (
        "Figure 12. Self-supervised pretraining for sentiment analysis",
        "图12 自监督预训练在情感分析中的应用示意图",
    ),
    "t12": (
        "Table 12. Pretraining on sentiment data sets",
        "表12 自监督预训练在不同情感分析任务中的表现",
    ),
    "f13": (
        "Figure 13. Self-supervised pretraining in TensorFlow",
        "图13 自监督预训练在TensorFlow中的实现代码",
    ),
    "f14": (
        "Figure 14. Self-supervised pretraining in PyTorch",
        "图14 自监督预训练在PyTorch中的实现代码",
    ),
    "t13": (
        "Table 13. The two frameworks, line against line (added)",
        "表13 两个框架的实现对照（补充）",
    ),
    "t14": (
        "Table 14. Effects of structure and hyper-parameters (added)",
        "表14 调整模型结构和超参数的效果（补充）",
    ),
    "f15": ("Figure 15. A complete pretraining example", "图15 自监督预训练代码示例"),
    "t15": ("Table 15. The code explained", "表15 自监督预训练的代码解析"),
}

# Section id: level of its heading, English, Chinese, the blocks below it.
SECTIONS = {
    "concepts-and-advantages": (
        2,
        "1 Self-supervised learning: concepts and advantages",
        "1 自监督学习的基本概念与优势",
        (),
    ),
    "concepts": (3, "1.1 Basic concepts", "1.1 自监督学习的基本概念", ("f1", "t1")),
    "advantages": (3, "1.2 Advantages", "1.2 自监督学习的优势", ("f2", "t2")),
    "electra": (
        2,
        "2 ELECTRA: principle and architecture",
        "2 ELECTRA模型的基本原理与架构",
        (),
    ),
    "electra-introduction": (
        3,
        "2.1 Introduction",
        "2.1 ELECTRA模型简介",
        ("f3", "t3"),
    ),
    "electra-architecture": (
        3,
        "2.2 Architecture",
        "2.2 ELECTRA模型的架构",
        ("f4", "t4"),
    ),
    "electra-pretraining": (
        2,
        "3 ELECTRA: how it is pretrained",
        "3 ELECTRA模型的预训练方法（ELECTRA的预训练过程）",
        ("f5", "t5"),
    ),
    "albert": (
        2,
        "4 ALBERT: principle and architecture",
        "4 ALBERT模型的基本原理与架构",
        (),
    ),
    "albert-introduction": (3, "4.1 Introduction", "4.1 ALBERT模型简介", ("f6", "t6")),
    "albert-architecture": (
        3,
        "4.2 Architecture",
        "4.2 ALBERT模型的架构",
        ("f7", "t7"),
    ),
    "albert-pretraining": (
        2,
        "5 ALBERT: how it is pretrained",
        "5 ALBERT模型的预训练方法（ALBERT的预训练过程）",
        ("f8", "t8"),
    ),
    "comparison": (
        2,
        "6 ELECTRA and ALBERT compared",
        "6 ELECTRA与ALBERT的对比分析",
        (),
    ),
    "performance": (
        3,
        "6.1 Performance",
        "6.1 ELECTRA与ALBERT的性能对比",
        ("f9", "t9"),
    ),
    "architectures": (
        3,
        "6.2 Architecture",
        "6.2 ELECTRA与ALBERT的架构对比",
        ("f10", "t10"),
    ),
    "applications": (
        2,
        "7 Applications in NLP",
        "7 自监督预训练在自然语言处理中的应用",
        (),
    ),
    "classification": (
        3,
        "7.1 Text classification",
        "7.1 自监督预训练在文本分类中的应用",
        ("f11", "t11"),
    ),
    "sentiment": (
        3,
        "7.2 Sentiment analysis",
        "7.2 自监督预训练在情感分析中的应用",
        ("f12", "t12"),
    ),
    "code": (
        2,
        "8 Implementation and code examples",
        "8 自监督预训练的实现与代码示例",
        (),
    ),
    "implementation": (
        3,
        "8.1 Implementation",
        "8.1 自监督预训练的实现",
        ("f13", "f14", "t13", "library", "t14"),
    ),
    "example": (
        3,
        "8.2 Code example, explained",
        "8.2 自监督预训练的代码示例",
        ("f15", "t15"),
    ),
    "summary": (2, "9 Summary and discussion", "9 总结与讨论", ()),
    "references": (
        2,
        "10 References · Questions and answers",
        "10 参考文献 · 讨论与答疑",
        (),
    ),
}
