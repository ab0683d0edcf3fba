"""Every text in the generated tables, in English and Chinese; {names} are filled in."""

_HEADINGS = {
    "t3_small": ("Small and base models", "小模型与基础模型"),
    "t3_large": ("Large models", "大模型"),
    "t3_ours": ("Our runs at lab scale", "本项目的小规模实验"),
    "t4_networks": (
        "The networks, with the weights of each part (computed here)",
        "网络及各部分的权重个数（本文计算）",
    ),
    "t4_settings": ("Settings of the paper", "论文的设置"),
    "t4_tying": ("Which weights are tied", "绑定哪些权重"),
    "t5_tasks": ("By downstream data set, large models", "按下游数据集，大模型"),
    "t5_text": (
        "By the text of pretraining, released models",
        "按预训练文本，公开发布的模型",
    ),
    "t5_method": ("By the part of the method", "按方法的组成部分"),
    "t6_sizes": (
        "Equal steps: {steps:,} of {batch:,} examples",
        "相同步数：{steps:,}步，每步{batch:,}个样本",
    ),
    "t6_time": ("Equal training time", "相同训练时间"),
    "t6_released": ("Released models", "公开发布的模型"),
    "t7_configurations": ("Configurations", "配置"),
    "t7_embedding": ("Embedding size, ALBERT-base", "嵌入维度，ALBERT-base"),
    "t7_sharing": ("What the layers share, ALBERT-base", "层间共享什么，ALBERT-base"),
    "t7_depth": ("Depth, ALBERT-large", "深度，ALBERT-large"),
    "t7_width": ("Width, {layers} layers", "宽度，{layers}层"),
    "t8_objective": ("Sentence objective, ALBERT-base", "句间任务，ALBERT-base"),
    "t8_ours": ("Sentence objective, our runs", "句间任务，本项目的实验"),
    "t8_data": ("More text, ALBERT-base", "更多文本，ALBERT-base"),
    "t8_dropout": ("Dropout, ALBERT-xxlarge", "Dropout，ALBERT-xxlarge"),
    "t9_dev": (
        "Dev sets, single models of large size",
        "验证集，单个大模型",
    ),
    "t9_test": ("Test sets, ensembles", "测试集，集成模型"),
    "t9_squad": ("SQuAD, dev sets, single models", "SQuAD，验证集，单个模型"),
    "t9_released": ("Small released models, dev sets", "公开发布的小模型，验证集"),
    "t9_ours": ("Our runs at equal compute", "本项目的等计算量实验"),
    "t10_words": ("What is trained, and how", "训练什么，如何训练"),
    "t10_counts": ("Sizes and costs (computed here)", "规模与开销（本文计算）"),
}

_COLUMNS = {
    "model": ("model", "模型"),
    "setting": ("setting", "设置"),
    "network": ("network", "网络"),
    "aspect": ("aspect", "方面"),
    "objective": ("sentence objective", "句间任务"),
    "sharing": ("sharing", "共享方式"),
    "shared": ("shared", "是否共享"),
    "parameters_m": ("parameters, M", "参数（百万）"),
    "our_parameters_m": (
        "parameters, M (computed here)",
        "参数（百万，本文计算）",
    ),
    "our_encoder_m": ("encoder parameters, M", "编码器参数（百万）"),
    "training_flops": ("training FLOPs", "训练浮点运算量"),
    "our_training_flops": (
        "training FLOPs (computed here)",
        "训练浮点运算量（本文计算）",
    ),
    "inference_flops": ("inference FLOPs", "推理浮点运算量"),
    "our_inference_flops": (
        "inference FLOPs (computed here)",
        "推理浮点运算量（本文计算）",
    ),
    "speed_up": ("training speed-up", "训练加速比"),
    "throughput": ("training throughput", "训练吞吐量"),
    "hardware": ("time and hardware", "时间与硬件"),
    "hours": ("hours", "小时"),
    "steps": ("steps", "步数"),
    "mean": ("mean", "平均"),
    "mean_without_qnli": ("mean without QNLI", "平均（不含QNLI）"),
    "glue_mean": ("GLUE mean", "GLUE平均"),
    "glue_five": ("mean of five GLUE tasks", "五个GLUE任务的平均"),
    "auc": ("replaced-token AUC, held out", "替换词检测AUC，留出文本"),
    "our_auc": (
        "ours: replaced-token AUC, held out",
        "本项目：替换词检测AUC，留出文本",
    ),
    "our_sts": ("ours: STS-B", "本项目：STS-B"),
    "our_loss": (
        "ours: held-out masked-LM loss, nats",
        "本项目：留出文本的掩码语言模型损失（奈特）",
    ),
    "tokens_per_s": ("tokens per second", "每秒词元数"),
    "layers": ("layers", "层数"),
    "width": ("width H", "隐藏维度H"),
    "embedding_size": ("E", "E"),
    "feed_forward": ("feed-forward width", "前馈宽度"),
    "heads": ("heads", "注意力头"),
    "generator_multiplier": ("generator's share of the width", "生成器宽度比例"),
    "w_embeddings": ("weights: embeddings", "权重：嵌入"),
    "w_layers": ("weights: layers and projection", "权重：各层与投影"),
    "w_head": ("weights: head", "权重：输出层"),
    "w_total": ("weights: its own", "权重：自有合计"),
    "w_kept": ("weights: kept", "权重：保留"),
    "generator_flops": (
        "generator's share of the training FLOPs",
        "生成器占训练浮点运算量的比例",
    ),
    "squad11": ("SQuAD 1.1", "SQuAD 1.1"),
    "squad20": ("SQuAD 2.0", "SQuAD 2.0"),
    "squad11_em_f1": ("SQuAD 1.1, EM / F1", "SQuAD 1.1，EM / F1"),
    "squad20_em_f1": ("SQuAD 2.0, EM / F1", "SQuAD 2.0，EM / F1"),
    "intrinsic_mlm": ("masked LM", "掩码语言模型"),
    "mask_percent": ("masked tokens, %", "掩码词元比例（%）"),
    "batch_size": ("batch size", "批大小"),
    "length": ("length of an example", "样本长度"),
    "learning_rate": ("learning rate", "学习率"),
    "warm_up_steps": ("warm-up steps", "预热步数"),
    "discriminator_weight": ("weight of the discriminator's loss", "判别器损失的权重"),
}

_ROWS = {
    "comma": (", ", "，"),
    "row_no pretraining": ("no pretraining", "未预训练"),
    "row_None": ("none", "无"),
    "row_1/2": ("1/2 of the compute", "1/2计算量"),
    "row_1/4": ("1/4 of the compute", "1/4计算量"),
    "row_equal shape": ("equal shape", "形状相同"),
    "row_equal parameters": ("equal parameters", "参数量相同"),
    "their_own": ("{model} (trained by the authors)", "{model}（论文作者训练）"),
    "part_trained": ("{model}, {share} % of the steps", "{model}，训练{share}%的步数"),
    "hardware_d": (
        "{amount} days, {devices} × {device}",
        "{amount}天，{devices} × {device}",
    ),
    "hardware_h": (
        "{amount} hours, {devices} × {device}",
        "{amount}小时，{devices} × {device}",
    ),
    "discriminator": ("discriminator", "判别器"),
    "generator": ("generator", "生成器"),
    "tied": ("tied", "绑定"),
    "no_weight_tying": ("nothing is tied", "不绑定"),
    "tied_token_embeddings": ("token embeddings are tied", "绑定词元嵌入"),
    "all_weights_tied": ("all weights are tied", "绑定全部权重"),
    "small_owt": (
        "ELECTRA-Small-OWT: OpenWebText",
        "ELECTRA-Small-OWT：OpenWebText",
    ),
    "small_pp": (
        "ELECTRA-Small++: XLNet's text",
        "ELECTRA-Small++：XLNet的文本",
    ),
    "base_pp": (
        "ELECTRA-Base++: XLNet's text",
        "ELECTRA-Base++：XLNet的文本",
    ),
    "large_xlnet": (
        "ELECTRA-Large: XLNet's text",
        "ELECTRA-Large：XLNet的文本",
    ),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "all-shared": ("all shared", "全部共享"),
    "not-shared": ("nothing shared", "不共享"),
    "shared-attention": ("attention shared", "共享注意力"),
    "shared-FFN": ("feed-forward shared", "共享前馈"),
    "no_additional_data": ("Wikipedia and books", "维基百科与图书"),
    "with_additional_data": ("with more text", "增加文本"),
    "with_dropout": ("with dropout", "使用dropout"),
    "without_dropout": ("without dropout", "不使用dropout"),
    "computed_value": ("{value} (computed here)", "{value}（本文计算）"),
    "with_range": ("{median} ({low} to {high})", "{median}（{low}至{high}）"),
    "list_comma": (", ", "、"),
}

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
    "networks_note": (
        "The generator reads the discriminator's embeddings, so they are counted once. "
        "FLOPs are counted as in the paper. All numbers are of this project's configs.",
        "生成器使用判别器的嵌入矩阵，因此只计一次。浮点运算量按论文的方法计算。"
        "所有数字按本项目的配置计算。",
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

IN_TABLES = _HEADINGS | _COLUMNS | _ROWS | _NOTES | _DESIGN
