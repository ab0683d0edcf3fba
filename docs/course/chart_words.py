"""Words of Figures 2, 9, 11 and 12, in English and Chinese."""

CHARTS = {
    # Figure 2
    "gains_title": ("What pretraining gains", "预训练带来的提升"),
    "gains_subtitle": (
        "Left: our scores over the number of labelled examples; dotted: the most "
        "frequent training class. Right: a paper's scores.",
        "左：本项目的分数随有标签样本数的变化；点线为训练集中最多的类别。右：论文中的分数。",
    ),
    "not_run": ("not run yet", "尚未运行"),
    "alt_f2": (
        "Curves of scores over the number of labels for a pretrained network, the same "
        "network from random weights and a linear model, beside bars of GPT's scores "
        "with and without pretraining",
        "预训练网络、随机初始化的同一网络与线性模型的分数随标签数的曲线，"
        "旁边是GPT有无预训练的分数柱状图",
    ),
    # Figure 9
    "performance_title": (
        "ELECTRA, ALBERT and BERT on different tasks",
        "ELECTRA、ALBERT与BERT在不同任务上的分数",
    ),
    "performance_subtitle": (
        "The two halves have different networks and protocols: compare within a half "
        "only.",
        "左右两半的网络和评测方法不同，只能在同一半内比较。",
    ),
    "performance_paper": (
        "As printed: GLUE dev sets, single large models",
        "论文数值：GLUE验证集，单个大模型",
    ),
    "performance_ours": (
        "Ours: small networks at equal compute",
        "本项目：等计算量的小网络",
    ),
    "with_flops": (
        "{model}, {flops} training FLOPs",
        "{model}，训练浮点运算量{flops}",
    ),
    "performance_note": (
        "Dots: medians of {seeds} seeds; lines: lowest to highest.",
        "点为{seeds}个随机种子的中位数，线为最低至最高。",
    ),
    "alt_f9": (
        "Two dot plots by task: printed scores of BERT-large, ALBERT and ELECTRA, and "
        "our small networks of the same three families with and without pretraining",
        "按任务的两幅点图：BERT-large、ALBERT和ELECTRA的论文分数，"
        "以及本项目三类小网络预训练与未预训练的分数",
    ),
    # Figures 11 and 12
    "classify_title": (
        "Text classification: only the head is new",
        "文本分类：只有输出层是新的",
    ),
    "classify_subtitle": (
        "Real questions of TREC's test set. The first short ones: three right answers "
        "with different classes, and one wrong answer.",
        "TREC测试集中的真实问题。选取最先出现的短问题：三个类别不同的正确答案和一个"
        "错误答案。",
    ),
    "sentiment_title": (
        "Sentiment: which words decide?",
        "情感分析：哪些词起决定作用？",
    ),
    "sentiment_subtitle": (
        "Real sentences of SST-5's test set. The first short ones: three right "
        "answers, of which the first has a negation, and one wrong answer.",
        "SST-5测试集中的真实句子。选取最先出现的短句：三个正确答案（第一个含否定词）和"
        "一个错误答案。",
    ),
    "band_encoder": (
        "pretrained {name}:\n{count:,} weights",
        "预训练的{name}：\n{count:,}个权重",
    ),
    "band_head": (
        "new head:\n{count:,} weights",
        "新的输出层：\n{count:,}个权重",
    ),
    "band_texts": (
        "fine-tuned on {count:,} labelled\ntexts, epochs: {epochs:g}",
        "在{count:,}个有标签\n文本上微调{epochs:g}轮",
    ),
    "classifier_line": (
        "{name}, fine-tuned on {train:,} labelled texts (epochs: {epochs:g}); accuracy "
        "on {scored:,} test texts: {score:.1f} %",
        "{name}，在{train:,}个有标签文本上微调{epochs:g}轮；"
        "{scored:,}个测试文本上的准确率：{score:.1f}%",
    ),
    "band_score": (
        "accuracy on {count:,}\ntest texts: {score:.1f} %",
        "{count:,}个测试文本上\n准确率：{score:.1f}%",
    ),
    "occlusion_note": (
        "Below each word: change of the given answer's probability, in points, if the "
        "word is masked. Green words support the answer; red words speak against it.",
        "每个词下方：掩码该词后，所给答案的概率变化（百分点）。绿色的词支持该答案，"
        "红色的词反对它。",
    ),
    "scores_of_t11": ("Scores of Table 11", "表11的分数"),
    "scores_of_t12": ("Scores of Table 12", "表12的分数"),
    "class_trec_0": ("description", "描述"),
    "class_trec_1": ("entity", "实体"),
    "class_trec_2": ("abbreviation", "缩写"),
    "class_trec_3": ("person", "人物"),
    "class_trec_4": ("place", "地点"),
    "class_trec_5": ("number", "数字"),
    "class_sst5_0": ("very\nnegative", "非常\n负面"),
    "class_sst5_1": ("negative", "负面"),
    "class_sst5_2": ("neutral", "中性"),
    "class_sst5_3": ("positive", "正面"),
    "class_sst5_4": ("very\npositive", "非常\n正面"),
    "alt_f11": (
        "A pretrained encoder with a new head classifies four questions, with the "
        "probabilities of six classes, above bars of the scores on several data sets",
        "预训练编码器加上新的输出层对四个问题分类，给出六个类别的概率；"
        "下方是多个数据集上的分数柱状图",
    ),
    "alt_f12": (
        "Four sentences with the effect of masking each word and the probabilities of "
        "five classes, above bars of the scores on several data sets",
        "四个句子，给出掩码每个词的影响和五个类别的概率；下方是多个数据集上的分数柱状图",
    ),
}
