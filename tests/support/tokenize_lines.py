"""Prints fingerprint and ids as JSON: tokenize_lines.py VOCABULARY LINES_AS_JSON."""

import json
import sys

from tf_pretrain.data.tokenization import load_tokenizer

tokenizer = load_tokenizer(sys.argv[1])
ids, row_splits = tokenizer.tokenize(json.loads(sys.argv[2]))
loaded = [name for name in ("tensorflow", "sentencepiece") if name in sys.modules]
print(json.dumps([tokenizer.fingerprint, ids.tolist(), row_splits.tolist(), loaded]))
