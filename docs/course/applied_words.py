"""Words of Tables 2, 11, 12 and 14, in English and Chinese."""

_SETS = {
    "set_trec": ("TREC", "TREC"),
    "set_subj": ("SUBJ", "SUBJ"),
    "set_docs": ("passages of documentation", "文档段落"),
    "set_sst2-sentences": ("SST-2, whole sentences", "SST-2整句"),
    "set_sst5": ("SST-5", "SST-5"),
    "set_rotten-tomatoes": ("MR", "MR"),
    "metric_accuracy": ("accuracy", "准确率"),
    "metric_macro_f1": ("macro F1", "宏平均F1"),
    "metric_matthews": ("Matthews", "马修斯相关系数"),
    "metric_spearman": ("Spearman", "斯皮尔曼相关系数"),
    "metric_pearson": ("Pearson", "皮尔逊相关系数"),
    "metric_f1": ("F1", "F1"),
    "metric_error": ("error", "错误率"),
    "split_dev": ("dev", "验证集"),
    "split_test": ("test", "测试集"),
}

_LEARNERS = {
    "fine_tuned": ("pretrained encoder, fine-tuned", "预训练编码器，微调"),
    "from_scratch": ("same network, random weights", "同一网络，随机初始化"),
    "linear_probe": (
        "linear probe on the frozen encoder",
        "线性探针（冻结编码器）",
    ),
    "tfidf_linear": ("TF-IDF + logistic regression", "TF-IDF + 逻辑回归"),
    "majority": ("most frequent training class", "训练集中最多的类别"),
    "gain_over_from_scratch": (
        "gain over the network with random weights",
        "相对随机初始化网络的提升",
    ),
    "gain_over_tfidf_linear": (
        "gain over TF-IDF + logistic regression",
        "相对TF-IDF + 逻辑回归的提升",
    ),
    "protocol": ("trained on / scored on", "训练样本 / 评分样本"),
    "protocol_cell": (
        "{train:,} / {scored:,} ({split})",
        "{train:,} / {scored:,}（{split}）",
    ),
    "one_seed": ("{median} (n = 1)", "{median}（n = 1）"),
    "with_seeds": (
        "{median} ({low} to {high}; n = {count})",
        "{median}（{low}至{high}；n = {count}）",
    ),
    "few_seeds_difference": ("{value} (too few seeds)", "{value}（随机种子太少）"),
    "inside_difference": ("{value} (inside the spread)", "{value}（在极差之内）"),
}

_GAINS = {
    "t2_papers": ("From papers", "论文中的数值"),
    "t2_ours": (
        "Ours, all labels: an ELECTRA of width {width}",
        "本项目，全部标签：隐藏维度{width}的ELECTRA",
    ),
    "t2_labels": ("Ours, by number of labels", "本项目，按标签数量"),
    "task": ("task", "任务"),
    "metric": ("metric", "指标"),
    "without_pretraining": ("without", "未预训练"),
    "with_pretraining": ("with", "预训练"),
    "source": ("source", "来源"),
    "gain_of_source": ("{source}: {what}.", "{source}：{what}。"),
    "gain_gpt": (
        "the same Transformer without and with pretraining (GPT)",
        "同一Transformer，未预训练与预训练（GPT）",
    ),
    "gain_ulmfit": (
        "the same LSTM without and with pretraining (ULMFiT); a lower error is better",
        "同一LSTM，未预训练与预训练（ULMFiT）；错误率越低越好",
    ),
    "gain_kim": (
        "random and pretrained word vectors (CNN-rand, CNN-non-static)",
        "随机词向量与预训练词向量（CNN-rand、CNN-non-static）",
    ),
    "gain_bert": (
        "two systems, BiLSTM + ELMo + attention and BERT-base, on GLUE's test sets",
        "两个系统在GLUE测试集上：BiLSTM + ELMo + 注意力，以及BERT-base",
    ),
    "gain_note": (
        "The papers have different networks, metrics and splits, so their rows share "
        "no mean. Neither the ELECTRA nor the ALBERT paper prints a row without "
        "pretraining.",
        "各论文的网络、指标和数据划分不同，因此不跨论文求平均。"
        "ELECTRA和ALBERT论文都没有未预训练的一行。",
    ),
    "fine_tuned_layerwise": (
        "pretrained, layer-wise learning rates",
        "预训练，逐层学习率",
    ),
    "fine_tuned_same": (
        "pretrained, one learning rate",
        "预训练，统一学习率",
    ),
    "glue_192_note": (
        "GLUE dev sets × 100 after pretraining on {tokens} million tokens: median "
        "(lowest to highest; n seeds). The networks with random weights have one "
        "learning rate for all layers. Commits {commits}; commands {commands}; source: "
        "{link}.",
        "在{tokens}百万词元上预训练后的GLUE验证集分数 × 100：中位数（最低至最高；n为"
        "随机种子数）。随机初始化的网络各层学习率相同。提交{commits}；"
        "命令{commands}；来源：{link}。",
    ),
    "log_section": ("log", "实验记录"),
    "set_and_learner": ("data set and learner", "数据集与方法"),
    "all_labels": ("all", "全部"),
    "finetuned_note": (
        "Ours: the encoder is {name} ({layers} layers, width {width}; BERT's "
        "architecture, trained further on sentence pairs; package `{package}`). "
        "All networks are trained for {epochs} epochs, but at least {steps} steps, "
        "with batches of {batch} at learning rate {rate}. Scores × 100: median over "
        "three seeds or more, lowest and highest in parentheses; n is the number of "
        "seeds where there are fewer. Linear models draw nothing and have one run; the "
        "probe reads the mean of the encoder's final states. Their regularisation is "
        "chosen by cross-validation on the training examples. A dash: not run yet. "
        "Commits: "
        "{commits}; command `python -m benchmarks.finetuning_parity --encoder=FOLDER "
        "--data_dir=glue --tasks=... --output=docs/tables/finetuning.json`.",
        "本项目：编码器为{name}（{layers}层，隐藏维度{width}；BERT架构，又在句对上训练"
        "过；软件包`{package}`）。所有网络训练{epochs}轮且不少于{steps}步，批大小{batch}，学习率{rate}。"
        "分数 × 100：三个或更多随机种子的中位数，括号内为最低至最高；"
        "不足时n为随机种子数。"
        "线性模型没有随机性，只运行一次；线性探针读取编码器最后一层状态的平均。"
        "正则化强度由训练样本上的交叉验证选定。"
        "短横线表示尚未运行。提交：{commits}；"
        "命令`python -m benchmarks.finetuning_parity --encoder=FOLDER "
        "--data_dir=glue --tasks=... --output=docs/tables/finetuning.json`。",
    ),
    "as_in_table_2": (
        "Ours: encoder, recipe, seeds, commits and command are those of Table 2, part "
        "C.",
        "本项目：编码器、训练方法、随机种子、提交和命令同表2的C部分。",
    ),
    "commits_not_stored": ("not stored", "未记录"),
    "curve_note": (
        "A smaller training set is a part of every larger one, and all learners and "
        "seeds have the same examples. The main metric of each data set, on the split "
        "of Tables 11 and 12 (GLUE: dev).",
        "较小的训练集是较大训练集的一部分，所有方法和随机种子使用相同的样本。"
        "采用各数据集的主要指标，评分样本同表11和表12（GLUE为验证集）。",
    ),
    "abstract": (
        "The value is from the abstract; the paper itself was not found.",
        "数值来自摘要；未找到论文全文。",
    ),
}

_APPLIED = {
    "t11_ours": ("Ours: text classification", "本项目：文本分类"),
    "t12_ours": ("Ours: sentiment", "本项目：情感分析"),
    "learner": ("learner", "方法"),
    "system": ("system", "系统"),
    "verdict_note": (
        "The gains are those of the fine-tuned encoder, by medians. As in the other "
        "tables, a difference that is no larger than the larger spread is not called a "
        "difference.",
        "提升指微调的预训练编码器的中位数之差。与其他表相同，不大于较大极差的差别不算"
        "差别。",
    ),
    "t11_protocol": (
        "TREC has an official test set. SUBJ has no split of its own, so {share} % of "
        "it, the same share of every class, are set apart and scored. CoLA is scored "
        "on GLUE's dev set. The passages are those of the installed packages.",
        "TREC使用官方测试集。SUBJ没有官方划分，因此每个类别各取{share}%用于评分。"
        "CoLA在GLUE验证集上评分。文档段落取自已安装的软件包。",
    ),
    "t12_protocol": (
        "SST-2 is scored on the dev set, SST-5 on the official test set. MR has no "
        "split of its own, so {share} % of it, the same share of every class, are set "
        "apart and scored. MR and SST have sentences in common, so do not train on one "
        "to score the other.",
        "SST-2在验证集上评分，SST-5在官方测试集上评分。MR没有官方划分，"
        "因此每个类别各取{share}%用于评分。MR与SST有相同的句子，"
        "不要用其中一个训练、用另一个评分。",
    ),
    "equal_compute": (
        "Ours: ELECTRA, BERT and ALBERT at equal compute",
        "本项目：等计算量的ELECTRA、BERT与ALBERT",
    ),
    "sets_missing": (
        "Not run yet: {sets}. The command is `python -m tf_pretrain.tables "
        "--table={table}` with `--tasks` and `--input`.",
        "尚未运行：{sets}。命令为`python -m tf_pretrain.tables --table={table}`，"
        "另加`--tasks`和`--input`。",
    ),
    "published": ("Published", "已发表的结果"),
    "electra_readme": (
        "Clark et al. (2020), README; dev",
        "Clark et al. (2020)，README；验证集",
    ),
    "albert_readme": (
        "Lan et al. (2019), README; dev",
        "Lan et al. (2019)，README；验证集",
    ),
    "albert_table9": (
        "Lan et al. (2019), Table 9; dev",
        "Lan et al. (2019)，表9；验证集",
    ),
    "published_note": (
        "Accuracy; CoLA has Matthews correlation. The protocols differ: many papers "
        "score SUBJ and MR by tenfold cross-validation.",
        "数值为准确率；CoLA为马修斯相关系数。各论文的评测方法不同：许多论文对SUBJ和MR"
        "使用十折交叉验证。",
    ),
    "not_verified_note": (
        "No value of ELECTRA or ALBERT on TREC, SUBJ, MR or SST-5 could be verified, "
        "so none is printed.",
        "ELECTRA和ALBERT在TREC、SUBJ、MR、SST-5上的数值均无法核实，因此不列出。",
    ),
}

_CHANGES = {
    "t14_log": (
        "Our runs: what a change did",
        "本项目的实验：一项改动的效果",
    ),
    "t14_cells": (
        "Our tables at lab scale",
        "本项目的小规模表格",
    ),
    "t14_electra": (
        "Where to start: fine-tuning settings of ELECTRA",
        "从哪里开始：ELECTRA的微调设置",
    ),
    "t14_albert": (
        "Where to start: fine-tuning settings of ALBERT",
        "从哪里开始：ALBERT的微调设置",
    ),
    "change": ("change", "改动"),
    "score": ("score", "分数"),
    "before": ("before", "改动前"),
    "after": ("after", "改动后"),
    "cost": ("cost", "开销"),
    "value": ("value", "值"),
    "change_bias_correction": (
        "BERT of width {width}: Adam with bias correction",
        "隐藏维度{width}的BERT：Adam使用偏差校正",
    ),
    "change_positions": (
        "position embeddings start from sines and cosines, not from random numbers",
        "位置嵌入从正弦和余弦开始，而不是随机数",
    ),
    "change_width": (
        "width {after} instead of {before}, the same number of steps",
        "隐藏维度从{before}改为{after}，步数相同",
    ),
    "change_rate": (
        "width {width}: learning rate {after} instead of {before}",
        "隐藏维度{width}：学习率从{before}改为{after}",
    ),
    "change_short_examples": (
        "ELECTRA of width {width}: examples of {after} instead of {before} tokens, "
        "{pieces} pieces, a generator of full width",
        "隐藏维度{width}的ELECTRA：样本从{before}个词元改为{after}个，词表为{pieces}个子词，"
        "生成器与判别器同宽",
    ),
    "change_more_text": (
        "width {width}: three times the text",
        "隐藏维度{width}：三倍的文本",
    ),
    "change_layerwise_rates": (
        "fine-tuning with layer-wise learning rates",
        "微调时使用逐层学习率",
    ),
    "change_tuning_rate": (
        "fine-tuning, {steps} steps: learning rate {after} instead of {before}",
        "微调{steps}步：学习率从{before}改为{after}",
    ),
    "change_tuning_steps": (
        "fine-tuning: twice the steps",
        "微调：两倍的步数",
    ),
    "change_more_compute": (
        "ELECTRA: four times the compute",
        "ELECTRA：四倍的计算量",
    ),
    "change_share_layers": (
        "ALBERT: all layers share their weights",
        "ALBERT：所有层共享权重",
    ),
    "change_narrow_embeddings": (
        "ALBERT: factorised embeddings, a sixth of the width",
        "ALBERT：嵌入分解，宽度的六分之一",
    ),
    "change_sentence_task": (
        "ALBERT: next-sentence prediction in addition",
        "ALBERT：增加下一句预测",
    ),
    "effect_auc": ("replaced-token AUC", "替换词检测AUC"),
    "effect_nats": ("masked-LM loss, nats", "掩码语言模型损失（奈特）"),
    "effect_nats_at_step": (
        "masked-LM loss in training, nats",
        "训练中的掩码语言模型损失（奈特）",
    ),
    "effect_STS-B": ("STS-B, Spearman", "STS-B，斯皮尔曼相关系数"),
    "effect_CoLA": ("CoLA, Matthews", "CoLA，马修斯相关系数"),
    "effect_MRPC": ("MRPC, F1", "MRPC，F1"),
    "effect_SST-2": ("SST-2, accuracy", "SST-2，准确率"),
    "effect_held-out replaced_token_auc": (
        "replaced-token AUC × 100, held out",
        "替换词检测AUC × 100，留出文本",
    ),
    "effect_held-out masked_lm_loss": (
        "masked-LM loss, held out, nats",
        "掩码语言模型损失，留出文本（奈特）",
    ),
    "cost_minutes": (
        "{before} → {after} minutes",
        "{before} → {after}分钟",
    ),
    "cost_million_tokens": (
        "{before} → {after} million tokens",
        "{before} → {after}百万词元",
    ),
    "cost_steps": ("{before:,} → {after:,} steps", "{before:,} → {after:,}步"),
    "cost_parameters": (
        "{before} → {after} M parameters",
        "{before} → {after}百万参数",
    ),
    "same_compute": ("the same compute", "计算量相同"),
    "t14_log_note": (
        "Ours: one seed unless the log names more; each row has its commands and "
        "commits in the log. A change that helps a short run may not help a long one.",
        "本项目：除非实验记录另有说明，均为一个随机种子；每行的命令和提交见实验记录。"
        "对短训练有用的改动，对长训练未必有用。",
    ),
    "t14_cells_note": (
        "Ours: median over the seeds, lowest and highest in parentheses; commands and "
        "commits are on the pages of the tables.",
        "本项目：各随机种子的中位数，括号内为最低至最高；命令和提交见各表的页面。",
    ),
    "setting_learning rate": ("learning rate", "学习率"),
    "setting_layer-wise LR decay": ("layer-wise decay of the rate", "学习率逐层衰减"),
    "setting_warmup fraction": ("warm-up, share of the steps", "预热占总步数的比例"),
    "setting_dropout": ("dropout", "Dropout"),
    "setting_weight decay": ("weight decay", "权重衰减"),
    "setting_batch size": ("batch size", "批大小"),
    "setting_train epochs": ("epochs", "轮数"),
    "value_learning rate": (
        "{0} Small, {1} Base, {2} Large",
        "Small为{0}，Base为{1}，Large为{2}",
    ),
    "value_layer-wise LR decay": (
        "{0} Small and Base, {1} Large",
        "Small与Base为{0}，Large为{1}",
    ),
    "value_train epochs": (
        "{0} for RTE and STS, {1} for SQuAD, {2} for the rest",
        "RTE与STS为{0}，SQuAD为{1}，其余为{2}",
    ),
    "encoder_dropout": ("dropout of the encoder", "编码器的dropout"),
    "classifier_dropout": ("dropout of the classifier", "分类器的dropout"),
}

APPLIED = _SETS | _LEARNERS | _GAINS | _APPLIED | _CHANGES
