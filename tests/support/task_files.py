"""Small files of questions, choices and tags, which can be learnt."""

import gzip
import json
import random

WORDS = "red blue green tall small old dog cat bird house tree road".split()


def sentence(draw, length=6):
    return [draw.choice(WORDS) for _ in range(length)]


def write_questions(folder, with_unanswerable=True):
    """The answer is the word behind the animal that the question names."""
    for split, count, seed in (("train", 40, 1), ("dev", 12, 2)):
        draw, paragraphs = random.Random(seed), []
        for number in range(count):
            words = sentence(draw)
            answer = draw.choice(WORDS[:6])
            words[2:4] = ["dog", answer]
            is_impossible = with_unanswerable and number % 4 == 0
            start = len(" ".join(words[:3])) + 1
            answers = [{"text": answer, "answer_start": start}]
            qa = {
                "id": f"{split}-{number}",
                "question": "dog",
                "answers": [] if is_impossible else answers,
            }
            if with_unanswerable:
                qa["is_impossible"] = is_impossible
            paragraphs.append({"context": " ".join(words), "qas": [qa]})
        values = {"version": "x", "data": [{"paragraphs": paragraphs}]}
        (folder / f"{split}.json").write_text(json.dumps(values))


def write_choices(folder):
    """The right option is a colour."""
    for split, count, seed in (("train-high", 60, 1), ("dev-high", 20, 2)):
        draw, lines = random.Random(seed), []
        for number in range(count):
            words, answer = draw.sample(WORDS[3:], 4), draw.randrange(4)
            words[answer] = draw.choice(WORDS[:3])
            lines.append(
                json.dumps(
                    {
                        "id": f"{split}{number}",
                        "article": f"{words[answer]} . {words[answer]}",
                        "questions": ["old _ ."],
                        "options": [words],
                        "answers": ["ABCD"[answer]],
                    }
                )
            )
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")


def write_tags(folder):
    """Colours begin a span that goes on over animals."""
    with gzip.open(folder / "train.txt.gz", "wt") as file:
        draw = random.Random(1)
        for _ in range(60):
            before = "O"
            for word in sentence(draw):
                tag = "O"
                if word in WORDS[:3]:
                    tag = "B-C"
                elif word in WORDS[6:9] and before != "O":
                    tag = "I-C"
                file.write(f"{word} X {tag}\n")
                before = tag
            file.write("\n")


WRITERS = {"questions": write_questions, "choices": write_choices, "tags": write_tags}
