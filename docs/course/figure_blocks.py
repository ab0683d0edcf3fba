"""The pictures of the chapter, with texts for readers who cannot see them."""

from collections.abc import Callable

from docs.course import words as course_words


def block(number: int) -> Callable[[str], str]:
    """The block of a picture that `python -m docs.drawing` draws."""

    def picture(language):
        text = course_words.of(language)[f"alt_f{number}"]
        return f"![{text}](images/{language}/f{number:02}.png)"

    return picture
