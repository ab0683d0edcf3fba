"""What the type checker is shown; .ci/run calls it."""

import re

import tf_pretrain
from support.paths import TESTS


def test_every_public_name_is_checked():
    text = (TESTS / "typing" / "public_api.py").read_text(encoding="utf-8")
    used = set(re.findall(r"tf_pretrain\.(\w+)", text))
    assert used - {"config", "no_such_name"} == set(tf_pretrain.__all__)
