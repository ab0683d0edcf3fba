"""Every text in the pictures, in English and Chinese; {names} are filled in."""

DRAWN = {
    # Figure 4
    "towers_title": (
        "{name}: two networks on one table of embeddings",
        "{name}：两个网络共用一张嵌入矩阵",
    ),
    "towers_subtitle": (
        "Numbers are weights. Heights of the layers are in proportion to their width.",
        "数字为权重个数。层的高度与其宽度成比例。",
    ),
    "masked_text": ("the text with\nsome words masked", "部分词被\n掩码的文本"),
    "filled_text": ("the text with the\ngenerator's words", "填入生成器\n采样词的文本"),
    "generator_thrown": (
        "The generator predicts masked words; its own {thrown:,} weights are thrown "
        "away at the end.",
        "生成器预测被掩码的词；它自己的{thrown:,}个权重在预训练后丢弃。",
    ),
    "discriminator_kept": (
        "The discriminator finds replaced words; kept for fine-tuning, with the "
        "embeddings: {kept:,} weights.",
        "判别器找出被替换的词；连同嵌入矩阵共{kept:,}个权重，保留用于微调。",
    ),
    "samples_arrow": ("sampled words, no gradient", "采样得到的词，不回传梯度"),
    "embeddings_table": (
        "embeddings,\ntied: both net-\nworks use them\n\n"
        "{pieces:,} pieces\n{positions} positions\n{segments} segments\n"
        "× {size}\nand LayerNorm\n\n{count:,}",
        "嵌入矩阵\n（权重绑定：\n两个网络共用）\n\n"
        "{pieces:,}个子词\n{positions}个位置\n{segments}个句段\n"
        "× {size}\n以及LayerNorm\n\n{count:,}",
    ),
    "projection": (
        "{embedding}\nto\n{hidden}\n\n{count:,}",
        "{embedding}\n到\n{hidden}\n\n{count:,}",
    ),
    "tower_layers": (
        "{layers} layers × {each:,} = {total:,}   (width {width}, heads: {heads})",
        "{layers}层 × {each:,} = {total:,}   （宽度{width}，注意力头：{heads}）",
    ),
    "generator_head": ("masked-LM\nhead", "掩码语言模型\n输出层"),
    "discriminator_head": ("replaced-\ntoken head", "替换词检测\n输出层"),
    "generator_output": (
        "probabilities\nof {pieces:,}\npieces at every\nmasked place",
        "每个掩码位置上\n{pieces:,}个子词的\n概率",
    ),
    "discriminator_output": (
        "every token:\noriginal or\nreplaced?",
        "每个词元：\n原词还是\n替换词？",
    ),
    "loss_weight": ("loss × {weight:g}", "损失 × {weight:g}"),
    # Figure 7
    "saving_title": (
        "{name}: the same depth and width with few weights",
        "{name}：深度和宽度不变，权重很少",
    ),
    "saving_subtitle": (
        "Numbers are weights of encoders with pooler, without heads. Areas of the "
        "tables are in proportion.",
        "数字为编码器（含池化层，不含输出层）的权重个数。矩阵面积成比例。",
    ),
    "factorised": ("1  Factorised embeddings", "1  嵌入分解"),
    "pieces": ("{count:,} pieces", "{count:,}个子词"),
    "factorised_note": (
        "With positions and segments. E is apart from\n"
        "H, so a wide network needs no wide table.",
        "含位置嵌入和句段嵌入。E与H无关，\n所以宽网络不需要宽的嵌入矩阵。",
    ),
    "shared_layers": ("2  Shared layers", "2  跨层参数共享"),
    "one_layer": ("one layer", "同一层"),
    "applied": ("applied {layers} times", "重复使用{layers}次"),
    "memory_not_time": (
        "As much to compute in both:\nsharing saves memory, not time.",
        "两者的计算量相同：\n共享节省内存，不节省时间。",
    ),
    "in_millions": ("3  In all, in millions", "3  总数（百万）"),
    "built_and_printed": ("counted here | printed", "本项目计数 | 论文印出"),
    "shared_with": ("E = {size}; shared:", "E = {size}；共享："),
    "share_none": ("nothing", "不共享"),
    "share_attention": ("attention", "注意力"),
    "share_ffn": ("feed-f.", "前馈"),
    "share_all": ("all", "全部"),
    "part_embeddings": ("embeddings", "嵌入"),
    "part_attention": ("attention", "注意力"),
    "part_feed_forward": ("feed-forward", "前馈"),
    # Figures 5 and 8
    "electra_flow_title": (
        "ELECTRA: find the words that a small network made up",
        "ELECTRA：找出小网络编造的词",
    ),
    "electra_flow_subtitle": (
        "A real example from {name}. Seed {seed} is the first one that shows a right "
        "and a wrong sample.",
        "真实例子，来自{name}。随机种子{seed}：第一个同时出现正确采样和错误采样的种子。",
    ),
    "electra_name": (
        "an ELECTRA with {layers} layers of width {width}",
        "一个{layers}层、宽度{width}的ELECTRA",
    ),
    "text": ("text", "文本"),
    "masked_row": ("{percent:.0f} % of it\nis masked", "掩码\n{percent:.0f}%的词元"),
    "generator_bar": ("generator: masked language model", "生成器：掩码语言模型"),
    "likeliest": ("likeliest\nwords", "概率最高\n的词"),
    "sample_row": ("one sample\nat each mask", "每个掩码处\n采样一个词"),
    "discriminator_bar": ("discriminator: replaced or not?", "判别器：是否被替换？"),
    "replaced_probability": ("probability of\n“replaced”, %", "“替换”的\n概率（%）"),
    "label": ("label", "标签"),
    "original": ("original", "原词"),
    "replaced": ("replaced", "替换"),
    "electra_loss": (
        "loss of this text = masked LM {masked_lm:.2f} at the {masks} masks  +  "
        "{weight:g} × replaced token {replaced_token:.3f} at all {tokens} tokens  =  "
        "{loss:.2f}",
        "本文本的损失 = 掩码语言模型{masked_lm:.2f}（{masks}个掩码）  +  "
        "{weight:g} × 替换词检测{replaced_token:.3f}（全部{tokens}个词元）  =  "
        "{loss:.2f}",
    ),
    "albert_flow_title": (
        "ALBERT: fill in masked phrases, and tell which sentence came first",
        "ALBERT：填出被掩码的词组，并判断哪一句在前",
    ),
    "albert_flow_subtitle": (
        "A real example from {name}. Seed {seed} is the first one with swapped "
        "segments and two masks side by side.",
        "真实例子，来自{name}。随机种子{seed}：第一个句段被交换且有两个相邻掩码的种子。",
    ),
    "albert_name": (
        "an ALBERT with {layers} layers of width {width}",
        "一个{layers}层、宽度{width}的ALBERT",
    ),
    "segments_row": ("two segments,\nin order {order}", "两个句段，\n顺序为{order}"),
    "ngrams_row": ("whole words and\nn-grams masked", "全词掩码与\nn元掩码"),
    "encoder_bar": (
        "encoder: one layer, applied {layers} times",
        "编码器：同一层重复使用{layers}次",
    ),
    "likeliest_and_order": (
        "likeliest words;\norder at [CLS]",
        "概率最高的词；\n[CLS]处判断顺序",
    ),
    "targets_row": ("to predict", "预测目标"),
    "in_order": ("in order", "未交换"),
    "swapped": ("swapped", "已交换"),
    "albert_loss": (
        "loss of this text = masked LM {masked_lm:.2f} at the {masks} masks  +  "
        "sentence order {sentence_order:.2f}  =  {loss:.2f}",
        "本文本的损失 = 掩码语言模型{masked_lm:.2f}（{masks}个掩码）  +  "
        "句序预测{sentence_order:.2f}  =  {loss:.2f}",
    ),
    # The steps of a pipeline, in the bands of Figures 5 and 8
    "step_text": ("text\nfiles", "文本\n文件"),
    "step_segments": ("two\nsegments", "两个\n句段"),
    "step_swap": ("swapped with\nprobability ½", "以概率½\n交换"),
    "step_ngrams": ("masked\nn-grams", "n元\n掩码"),
    "step_build": ("build_\nrecords", "build_\nrecords"),
    "step_records": ("TFRecord\nfiles", "TFRecord\n文件"),
    "step_batch": ("batch of\n(seed, step)", "批（种子，\n步）"),
    "step_masks": ("masks", "掩码"),
    "step_generator": ("generator", "生成器"),
    "step_sample": ("sample", "采样"),
    "step_discriminator": ("discrimi-\nnator", "判别器"),
    "step_encoder": ("encoder", "编码器"),
    "step_heads": ("two\nheads", "两个\n输出层"),
    "step_losses": ("sum of\ntwo losses", "两项损失\n之和"),
    "step_clip": ("clipped\ngradient", "梯度\n裁剪"),
    "step_adamw": ("AdamW", "AdamW"),
    "step_lamb": ("LAMB", "LAMB"),
    "step_checkpoint": ("check-\npoint", "检查点"),
    # Figures 3 and 6
    "electra_glance_title": ("ELECTRA at a glance", "ELECTRA概览"),
    "electra_glance_subtitle": (
        "The heights of the networks are in proportion to their widths in "
        "ELECTRA-Small.",
        "网络的高度与ELECTRA-Small中两个网络的宽度成比例。",
    ),
    "glance_text": ("text", "文本"),
    "glance_masks": ("some tokens\nare masked", "部分词元\n被掩码"),
    "glance_samples": ("one sample\nat each mask", "每个掩码处\n采样一个词"),
    "glance_verdicts": ("one answer\nfor every token", "每个词元\n一个判断"),
    "generator_box": ("generator", "生成器"),
    "discriminator_box": ("discriminator", "判别器"),
    "after_pretraining": ("After pretraining", "预训练之后"),
    "generator_dropped": ("generator:\nthrown away", "生成器：\n丢弃"),
    "your_text": ("labelled text", "有标签的文本"),
    "discriminator_kept_box": ("discriminator:\nkept", "判别器：\n保留"),
    "new_head": ("head of\nthe task", "任务头"),
    "albert_glance_title": ("ALBERT at a glance", "ALBERT概览"),
    "albert_glance_subtitle": (
        "V: pieces of the vocabulary. E: width of the embeddings. H: width of the "
        "layers. L: number of layers.",
        "V：词表中的子词数。E：嵌入维度。H：隐藏维度。L：层数。",
    ),
    "segment_a": ("segment A", "句段A"),
    "segment_b": ("segment B", "句段B"),
    "perhaps_swapped": ("perhaps swapped", "可能被交换"),
    "times_layers": ("L times", "重复L次"),
    "masked_head_box": ("masked-LM\nhead", "掩码语言模型\n输出层"),
    "masked_answer": ("masked\nwords", "被掩码\n的词"),
    "order_head_box": ("sentence-\norder head", "句序预测\n输出层"),
    "order_answer": ("swapped\nor not?", "是否\n被交换？"),
    "instead_of_bert": ("BERT, for comparison", "对比：BERT"),
    "different_layers": ("L layers with weights of their own", "L层，各有自己的权重"),
    "bert_heads": ("heads", "输出层"),
    # Figure 10
    "sides_title": (
        "BERT, ELECTRA and ALBERT of base size, on one scale",
        "Base规模的BERT、ELECTRA与ALBERT，按同一比例",
    ),
    "sides_subtitle": (
        "Areas are in proportion to weights. Grey parts are used only in pretraining.",
        "面积与权重个数成比例。灰色部分只用于预训练。",
    ),
    "sides_embeddings": ("embeddings\n{count:.1f} M", "嵌入\n{count:.1f} M"),
    "sides_layers": (
        "{layers} layers\n{count:.1f} M",
        "{layers}层\n{count:.1f} M",
    ),
    "sides_shared": (
        "one layer, {count:.1f} M,\napplied {layers} times",
        "同一层，{count:.1f} M，\n重复使用{layers}次",
    ),
    "sides_generator": ("generator\n{count:.1f} M", "生成器\n{count:.1f} M"),
    "sides_heads": ("heads: {count:.2f} M", "输出层：{count:.2f} M"),
    "sides_pooler": ("pooler: {count:.2f} M", "池化层：{count:.2f} M"),
    "sides_kept": ("parameters kept", "保留的参数"),
    "sides_dropped": ("parameters only in pretraining", "仅用于预训练的参数"),
    "sides_products": (
        "FLOPs of the products, {length} tokens",
        "矩阵乘法的浮点运算量，{length}个词元",
    ),
    "sides_counted": (
        "FLOPs as the ELECTRA paper counts",
        "按ELECTRA论文计算的浮点运算量",
    ),
    "sides_memory": (
        "GiB for a step of {batch} × {length} tokens",
        "{batch} × {length}个词元训练一步的内存（GiB）",
    ),
    "sides_targets": ("targets for 1,000 tokens", "每1,000个词元的目标数"),
    # Figure 1
    "learning_title": ("How self-supervised learning works", "自监督学习如何工作"),
    "learning_subtitle": (
        "The damages in the middle were made by this project's own code. Model inputs "
        "are English.",
        "中间的几种破坏由本项目的代码生成。模型输入为英文。",
    ),
    "lane_supervised": ("supervised", "监督学习"),
    "lane_self": ("self-supervised", "自监督学习"),
    "lane_transfer": ("transfer", "迁移学习"),
    "lane_text": ("text", "文本"),
    "lane_person": ("a person\nreads it", "人工\n阅读"),
    "lane_label": ("label", "标签"),
    "lane_network": ("network", "网络"),
    "lane_loss": ("loss", "损失"),
    "lane_damage": ("hide or damage\na part", "遮住或破坏\n一部分"),
    "lane_restore": ("network: restore\nor find it", "网络：\n恢复或找出它"),
    "lane_target": (
        "the target is cut out of the text itself",
        "目标取自文本本身",
    ),
    "lane_encoder": ("pretrained\nencoder", "预训练过的\n编码器"),
    "lane_head": ("small new\nhead", "新的\n小输出层"),
    "lane_few": ("few labelled\ntexts", "少量有标签\n的文本"),
    "damage_masked": ("masked tokens", "掩码词元"),
    "damage_ngrams": ("masked n-grams of words", "n元掩码"),
    "damage_replaced": ("replaced tokens", "替换词"),
    "damage_swapped": ("swapped segments", "交换句段"),
    "damage_targets": ("{targets:,} targets in a batch", "每批{targets:,}个目标"),
    # For readers who cannot see the pictures
    "alt_f1": (
        "Three lanes: supervised, self-supervised and transfer learning, with four "
        "damaged copies of one text in the middle lane",
        "三条流程：监督学习、自监督学习与迁移学习；中间一条给出同一文本的四种破坏方式",
    ),
    "alt_f3": (
        "A text is masked, the small generator fills the masks, and the discriminator "
        "marks every token; afterwards only the discriminator is kept",
        "文本被掩码，小生成器填入采样的词，判别器对每个词元作出判断；之后只保留判别器",
    ),
    "alt_f6": (
        "ALBERT's small table of embeddings, one layer in a loop and two heads, above "
        "the wide table and the many layers of BERT",
        "ALBERT的小嵌入矩阵、循环使用的一层和两个输出层，下方是BERT的宽矩阵和多层",
    ),
    "alt_f10": (
        "Embeddings, layers and heads of the three base models as areas, with "
        "parameters, operations and memory below",
        "三个Base模型的嵌入、层与输出层按面积表示，下方列出参数、运算量和内存",
    ),
    "alt_f4": (
        "Generator and discriminator of ELECTRA-Small as two rows of layers that start "
        "from one table of embeddings, with the weights of every part",
        "ELECTRA-Small的生成器和判别器：两排层共用一张嵌入矩阵，并标出各部分的权重个数",
    ),
    "alt_f5": (
        "A sentence is masked, the generator samples words for the masks, and the "
        "discriminator gives every word a probability of being replaced",
        "一个句子先被掩码，生成器为掩码采样词，判别器给出每个词被替换的概率",
    ),
    "alt_f7": (
        "Tables and layers of BERT-base beside those of ALBERT-base, and bars of the "
        "parameters for eight ways of sharing",
        "BERT-base与ALBERT-base的嵌入矩阵和层的对比，以及八种共享方式的参数量柱状图",
    ),
    "alt_f8": (
        "Two swapped segments with masked phrases, the encoder's likeliest words, and "
        "its probability that the segments were swapped",
        "两个被交换的句段，其中词组被掩码；编码器给出概率最高的词和句段被交换的概率",
    ),
}
