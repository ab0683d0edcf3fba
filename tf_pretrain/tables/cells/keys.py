"""Keys: hashes of what a result depends on."""

import hashlib
import json

from tf_pretrain import config as config_lib


def hash_of(content) -> str:
    """A hash of what can be written as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def differing(defaults, config) -> list[str]:
    """The values of a config that differ from the defaults.

    A new field with its default therefore changes no key.
    """
    return config_lib.differing_fields(
        config_lib.to_dict(defaults), config_lib.to_dict(config)
    )
