"""The chapter on self-supervised pretraining: two pages, and the code that fills them."""
