"""Records that the runs of several modules train on."""

import pytest

from support.corpus import build_tiny_records


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    build_tiny_records(folder)
    for path in folder.glob("heldout-*"):
        path.unlink()  # scores are not the subject
    return folder
