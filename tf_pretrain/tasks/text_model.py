"""What Keras models on strings share: they compile without XLA, and can be saved."""

import keras

from tf_pretrain.training.trainer import Trainer, require_tensorflow


class TextModel(Trainer):
    """A Trainer that takes strings. TensorFlow backend only.

    Args:
        network: The network.
    """

    def __init__(self, network, name):
        require_tensorflow()
        super().__init__(network, name=name)
        self.jit_compile = False  # XLA does not support strings

    def compile(self, optimizer, **kwargs):
        """Like Trainer.compile, but without XLA, which does not support strings."""
        super().compile(optimizer=optimizer, **{**kwargs, "jit_compile": False})

    def get_compile_config(self):
        """For Keras' `save`: the optimizer, if there is one."""
        if not self.compiled:
            return None
        return {"optimizer": keras.saving.serialize_keras_object(self.optimizer)}

    def compile_from_config(self, config):
        """For Keras' `load_model`."""
        self.compile(keras.optimizers.deserialize(config["optimizer"]))
