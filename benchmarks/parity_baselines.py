"""Features without fine-tuning, and linear models on them: what a network must beat."""

import numpy as np

from benchmarks.sentence_embeddings import OurEncoder

# Of the regularisation, chosen by cross-validation on the training examples only.
_STRENGTHS = {"C": [1, 3, 10, 30], "alpha": [0.1, 0.3, 1, 3, 10]}
# Columns of a network's states differ in scale, so they are standardised, and so many
# dense columns need more regularisation than sparse counts.
_DENSE_STRENGTHS = {"C": [0.001, 0.01, 0.1, 1], "alpha": [1, 10, 100, 1000, 10000]}
_FOLDS = 5


def tfidf(task) -> dict:
    """{split: sparse matrix} of words and pairs of words, weighted by TF-IDF."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Words are separated by spaces; Chinese has none, so its characters are words.
    pattern = r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+"
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=pattern
    )
    train = task.splits["train"]
    vectorizer.fit(train.texts_a + (train.texts_b or []))

    def pair(a, b):
        return hstack([a, b, abs(a - b), a.multiply(b)]).tocsr()

    return _features(task, vectorizer.transform, pair)


def mean_states(task, encoder) -> dict:
    """{split: float32 [N, H or 4 H]}, the mean of an encoder's final states.

    Args:
        encoder: A path as for tf_pretrain.load_encoder. Its weights stay as they are.
    """
    reader = OurEncoder(encoder)

    def means(texts):
        # Batches of texts of like length have little padding.
        order = np.argsort([len(text) for text in texts], kind="stable")
        (found,) = reader.vectors([texts[row] for row in order])
        return found[np.argsort(order)]

    return _features(task, means, dense_pair)


def dense_pair(a, b):
    """Features of pairs [N, 4 H] from those of both texts [N, H]."""
    return np.concatenate([a, b, abs(a - b), a * b], axis=1)


def _features(task, transform, pair):
    """{split: features}; pairs get both texts' features, |a - b| and a * b."""
    found = {}
    for name, split in task.splits.items():
        if split.labels is None:
            continue
        features = transform(split.texts_a)
        if split.texts_b is not None:
            features = pair(features, transform(split.texts_b))
        found[name] = features
    return found


def linear_predictions(task, features, split):
    """Predictions of logistic regression, or of ridge regression for scores."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    is_dense = isinstance(features["train"], np.ndarray)
    name = "alpha" if task.is_regression else "C"
    model = Ridge() if task.is_regression else LogisticRegression(max_iter=1000)
    scaler = StandardScaler() if is_dense else "passthrough"
    grid = {f"model__{name}": (_DENSE_STRENGTHS if is_dense else _STRENGTHS)[name]}
    pipeline = Pipeline([("scaler", scaler), ("model", model)])
    search = GridSearchCV(pipeline, grid, cv=_FOLDS)
    search.fit(features["train"], task.splits["train"].labels)
    return search.predict(features[split])


def constant_predictions(task, split):
    """The most frequent training class, or the mean training score, for every text."""
    labels = task.splits["train"].labels
    value = labels.mean() if task.is_regression else np.bincount(labels).argmax()
    return np.full(len(task.splits[split]), value)
