"""Sentences and texts in the cells of the generated tables, in both languages."""

_NOTES = {
    "between": (" ", ""),
    "table_number": ("Table {number}", "表{number}"),
    "section_3_2": ("section 3.2", "第3.2节"),
    "readme": ("README of the released code", "公开代码的README"),
    "source_paper": ("Source: {paper}, {place}.", "来源：{paper}，{place}。"),
    "source_ours": (
        "Ours: median over {seeds} seeds, lowest and highest in parentheses; commits "
        "{commits} (+: with changed files); command `{command}`; all cells: {link}.",
        "本项目：{seeds}个随机种子的中位数，括号内为最低至最高；提交{commits}（+表示文件有改动）；"
        "命令`{command}`；全部结果：{link}。",
    ),
    "one_source": (
        "Only one text of the paper was found with this row.",
        "该行只在论文的一份文本中找到。",
    ),
    "arithmetic": (
        "One text has the row's scores of the single tasks, and their mean is the "
        "printed one.",
        "该行各任务的分数来自一份文本，其平均值与论文印出的一致。",
    ),
    "computed_columns": (
        "Columns with “computed here” are this project's counts for its configs.",
        "标有“本文计算”的列是本项目按其配置计算的结果。",
    ),
    "glue_dev": ("GLUE dev sets.", "GLUE验证集。"),
    "glue_dev_median_10": (
        "GLUE dev sets, eight tasks, single models, medians of ten or more "
        "fine-tuning runs.",
        "GLUE验证集，八个任务，单个模型，十次以上微调的中位数。",
    ),
    "glue_dev_seeds": (
        "GLUE dev sets, medians over many seeds.",
        "GLUE验证集，多个随机种子的中位数。",
    ),
    "glue_metrics": (
        "CoLA has Matthews correlation, STS Spearman correlation, the others accuracy.",
        "CoLA为马修斯相关系数，STS为斯皮尔曼相关系数，其余为准确率。",
    ),
    "lab_floor": (
        "At this size GLUE's mean does not tell pretrained networks from the network "
        "without pretraining.",
        "在这一规模下，GLUE平均值无法区分预训练过的网络与未预训练的网络。",
    ),
    "shapes_note": (
        "From this project's configs. FLOPs are counted as in the paper.",
        "按本项目的配置。浮点运算量按论文的方法计算。",
    ),
    "weights_note": (
        "The generator reads the discriminator's embeddings, so they are counted once.",
        "生成器使用判别器的嵌入矩阵，因此只计一次。",
    ),
    "weights_tried": (
        "The weights {weights} were tried for the discriminator's loss.",
        "论文对判别器损失的权重试过{weights}。",
    ),
    "generator_findings": (
        "The paper's Figure 3 finds that a generator of {shares[0]} to {shares[1]} of "
        "the discriminator's width is best, and that neither two-stage nor adversarial "
        "training is better than joint training. Its plotted values exist nowhere as "
        "text, so they are not shown.",
        "论文图3的结论：生成器宽度为判别器的{shares[0]}到{shares[1]}最好；"
        "两阶段训练和对抗训练都不比联合训练好。图中的数值没有文字来源，故不列出。",
    ),
    "dev_single": ("Dev sets, single models.", "验证集，单个模型。"),
    "squad_f1_em": (
        "SQuAD has F1 / EM, the others accuracy. The mean takes the mean of F1 and EM "
        "first. Throughput is relative to BERT-large.",
        "SQuAD为F1 / EM，其余为准确率。求平均时先取F1与EM的平均。"
        "吞吐量相对于BERT-large。",
    ),
    "xxlarge_note": (
        "For the counts of BERT the vocabulary is ALBERT's. The paper prints {table} M "
        "for xxlarge, and once {text} M in its text; neither is what its sizes give.",
        "计算BERT的参数时使用ALBERT的词表。论文对xxlarge印出{table} M，正文中有一处为"
        "{text} M；两者都与其尺寸算出的值不符。",
    ),
    "released_note": (
        "The v2 models have no dropout, more text and longer training; xxlarge v1 is a "
        "longer run with more text, too.",
        "v2模型不使用dropout，文本更多，训练更久；xxlarge v1也是文本更多、训练更久的"
        "模型。",
    ),
    "albert_mean": (
        "The mean of SQuAD 1.1, SQuAD 2.0, MNLI, SST-2 and RACE.",
        "SQuAD 1.1、SQuAD 2.0、MNLI、SST-2和RACE的平均。",
    ),
    "mnli_note": (
        "The paper contradicts itself on MNLI in two rows of its Tables: the same "
        "model has different values in different tables, so their means differ, too.",
        "论文在两行的MNLI上自相矛盾：不同的表对同一模型印出不同的值，平均值也随之不同。",
    ),
    "intrinsic_note": (
        "The first three columns are accuracies of the pretraining tasks themselves.",
        "前三列是预训练任务本身的准确率。",
    ),
    "chance_half": (
        "Guessing is right half of the time on both sentence tasks. A dash stands "
        "where the network has no such head.",
        "两个句间任务的随机水平均为一半。短横线表示网络没有相应的输出层。",
    ),
    "albert_dev_median_5": (
        "ALBERT: medians of five runs; RTE, STS and MRPC start from the MNLI model; "
        "its means are computed here from the row.",
        "ALBERT：五次运行的中位数；RTE、STS和MRPC从MNLI模型开始；平均值由本行计算。",
    ),
    "albert_flops_note": (
        "The training FLOPs of ALBERT are those that the ELECTRA paper gives.",
        "ALBERT的训练浮点运算量取自ELECTRA论文。",
    ),
    "glue_test_ensembles": (
        "GLUE test sets, ensembles with the usual tricks of the leaderboard.",
        "GLUE测试集，集成模型，使用排行榜的常用技巧。",
    ),
    "squad_dev": ("SQuAD dev sets.", "SQuAD验证集。"),
    "albert_base_row": ("The row ALBERT-base.", "ALBERT-base一行。"),
    "released_dev": ("Dev sets.", "验证集。"),
    "t10_words_note": (
        "From the papers and this project's configs `bert_base.py`, `electra_base.py` "
        "and `albert.py:base_v1`.",
        "依据两篇论文以及本项目的配置`bert_base.py`、`electra_base.py`和"
        "`albert.py:base_v1`。",
    ),
    "t10_counts_note": (
        "Computed here for texts of {length} tokens where a length is needed; the "
        "memory is an estimate for one training step of {batch} such texts.",
        "本文计算；需要长度时取{length}个词元的文本；内存是{batch}个这样的文本"
        "训练一步的估计值。",
    ),
}

_DESIGN = {
    "aspect_networks": ("networks in pretraining", "预训练中的网络"),
    "networks_bert": ("one encoder", "一个编码器"),
    "networks_electra": ("generator and discriminator", "生成器与判别器"),
    "networks_albert": ("one encoder", "一个编码器"),
    "aspect_objective": ("loss", "损失"),
    "objective_bert": ("masked LM", "掩码语言模型"),
    "objective_electra": (
        "masked LM + {weight:g} × replaced-token detection",
        "掩码语言模型 + {weight:g} × 替换词检测",
    ),
    "objective_albert": (
        "masked LM + sentence order",
        "掩码语言模型 + 句序预测",
    ),
    "aspect_positions": ("positions with a loss", "有损失的位置"),
    "positions_bert": ("masked tokens", "被掩码的词元"),
    "positions_electra": (
        "masked tokens (generator), all tokens (discriminator)",
        "被掩码的词元（生成器），全部词元（判别器）",
    ),
    "positions_albert": ("masked tokens and [CLS]", "被掩码的词元与[CLS]"),
    "aspect_tied": ("tied or shared", "绑定或共享"),
    "tied_bert": ("input and output table", "输入与输出矩阵"),
    "tied_electra": (
        "input and output table; embeddings of both networks",
        "输入与输出矩阵；两个网络的嵌入",
    ),
    "tied_albert": (
        "input and output table; all layers",
        "输入与输出矩阵；所有层",
    ),
    "aspect_masking": ("masking", "掩码方式"),
    "masking_bert": ("single tokens", "单个词元"),
    "masking_electra": ("single tokens", "单个词元"),
    "masking_albert": (
        "n-grams of whole words",
        "全词的n元掩码",
    ),
    "aspect_text": ("tokenizer", "分词"),
    "text_bert": ("WordPiece", "WordPiece"),
    "text_electra": ("WordPiece", "WordPiece"),
    "text_albert": ("SentencePiece", "SentencePiece"),
    "count_widths": ("V; E; H; layers; heads", "V；E；H；层数；注意力头"),
    "count_generator": ("the same of the generator", "生成器的同样数字"),
    "count_kept": ("parameters that are kept", "保留的参数"),
    "count_dropped": (
        "parameters only in pretraining",
        "仅用于预训练的参数",
    ),
    "count_disk": (
        "file of the kept weights (float32)",
        "保留权重的文件大小（float32）",
    ),
    "count_products": (
        "FLOPs of the executed matrix products",
        "实际执行的矩阵乘法的浮点运算量",
    ),
    "count_electra_flops": (
        "FLOPs as the ELECTRA paper counts",
        "按ELECTRA论文计算的浮点运算量",
    ),
    "count_memory": ("memory of a training step, GiB", "训练一步的内存（GiB）"),
    "count_optimizer": ("optimizer; learning rate", "优化器；学习率"),
    "count_batch": ("batch: examples × tokens", "批：样本数 × 词元数"),
    "count_steps": ("steps", "步数"),
    "count_predictions": (
        "masked tokens of an example, at most",
        "每个样本最多掩码的词元数",
    ),
}

_WAYS = {
    "t1_ways": ("Where the target comes from", "目标从哪里来"),
    "t1_targets": (
        "Targets of the self-supervised objectives (computed here)",
        "各自监督任务的训练目标数（本文计算）",
    ),
    "way": ("way of learning", "学习方法"),
    "target": ("target", "目标"),
    "data_needed": ("data that it needs", "需要的数据"),
    "project_example": ("example in this project", "本项目中的例子"),
    "remains": ("what remains", "训练后保留什么"),
    "supervised_name": ("supervised", "监督学习"),
    "supervised_target": ("labels that people wrote", "人工标注的标签"),
    "supervised_data": ("labelled texts", "有标签的文本"),
    "supervised_example": (
        "`run_finetuning.py` from random weights",
        "随机初始化的`run_finetuning.py`",
    ),
    "supervised_remains": ("a classifier of one task", "一个任务的分类器"),
    "unsupervised_name": ("unsupervised", "无监督学习"),
    "unsupervised_target": (
        "none: a likelihood or a distance is optimised",
        "没有目标：优化似然或距离",
    ),
    "unsupervised_data": ("texts", "文本"),
    "unsupervised_example": (
        "the SentencePiece vocabulary (`tf_pretrain/data/unigrams.py`)",
        "SentencePiece词表（`tf_pretrain/data/unigrams.py`）",
    ),
    "unsupervised_remains": ("groups or frequencies", "分组或频率"),
    "semi_supervised_name": ("semi-supervised", "半监督学习"),
    "semi_supervised_target": (
        "labels, and the model's own predictions",
        "标签，以及模型自己的预测",
    ),
    "semi_supervised_data": (
        "few labelled texts and many without labels",
        "少量有标签的文本和大量无标签的文本",
    ),
    "semi_supervised_example": ("none", "无"),
    "semi_supervised_remains": ("a classifier of one task", "一个任务的分类器"),
    "self_supervised_name": ("self-supervised", "自监督学习"),
    "self_supervised_target": (
        "a part of the text itself",
        "文本自身的一部分",
    ),
    "self_supervised_data": ("texts", "文本"),
    "self_supervised_example": ("`run_pretraining.py`", "`run_pretraining.py`"),
    "self_supervised_remains": (
        "an encoder for many tasks",
        "可用于多个任务的编码器",
    ),
    "transfer_name": ("transfer", "迁移学习"),
    "transfer_target": ("labels of the new task", "新任务的标签"),
    "transfer_data": (
        "a pretrained encoder and few labelled texts",
        "预训练过的编码器和少量有标签的文本",
    ),
    "transfer_example": (
        "`run_finetuning.py` with `--init_checkpoint`",
        "带`--init_checkpoint`的`run_finetuning.py`",
    ),
    "transfer_remains": (
        "encoder and head of the new task",
        "新任务的编码器和输出层",
    ),
    "objective_and_network": ("objective", "任务"),
    "config": ("config", "配置"),
    "batch_shape": ("batch: examples × tokens", "批：样本数 × 词元数"),
    "targets_per_thousand": (
        "targets for 1,000 tokens",
        "每1,000个词元的目标数",
    ),
    "targets_per_batch": ("targets of a batch", "每批的目标数"),
    "targets_masked_lm_electra": (
        "masked LM (ELECTRA's generator)",
        "掩码语言模型（ELECTRA的生成器）",
    ),
    "targets_replaced_token": (
        "replaced-token detection (ELECTRA's discriminator)",
        "替换词检测（ELECTRA的判别器）",
    ),
    "targets_masked_lm_albert": ("masked LM (ALBERT)", "掩码语言模型（ALBERT）"),
    "targets_sentence_order": ("sentence order (ALBERT)", "句序预测（ALBERT）"),
    "targets_next_sentence": ("next sentence (BERT)", "下一句预测（BERT）"),
    "targets_note": (
        "For examples without padding. The masked tokens of an example are the most "
        "that the config allows. A supervised sentence has one target.",
        "按没有填充的样本计算。每个样本的掩码数取配置允许的最大值。"
        "监督学习的一个句子只有一个目标。",
    ),
}

IN_CELLS = _NOTES | _DESIGN | _WAYS
