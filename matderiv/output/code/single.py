"""Programs spelled in NumPy, in single precision throughout."""

from dataclasses import replace

from matderiv.output.code.dialect import Template, Words
from matderiv.output.code.numpy import NUMPY, of_numbers, on_diagonals, templates

SINGLE = ", dtype=np.float32"


def _in_single(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition whose new arrays are in single precision."""
    typed = (text.replace("[float]", "[np.float32]") for text in lines)
    made = (text.replace("np.eye(len(A))", f"np.eye(len(A){SINGLE})") for text in typed)
    made = (text.replace("arange(64)", f"arange(64{SINGLE})") for text in made)
    made = (text.replace("np.nan, 1.0)", "np.nan, np.float32(1))") for text in made)
    return tuple(text.replace("// 2)[place", f"// 2{SINGLE})[place") for text in made)


def _of_one(template: Template) -> Template:
    return template._replace(text=template.text.replace("1.0", "np.float32(1)"))


_TEMPLATES = {
    **NUMPY.templates,
    **{k: v for k, v in templates("np", SINGLE).items() if v != templates("np").get(k)},
    **{k: _of_one(NUMPY.templates[k]) for k in ("real", "onehot")},
    "duplication": NUMPY.templates["duplication"],
}
NUMPY_SINGLE = replace(
    NUMPY,
    imports=("import math", *NUMPY.imports),
    templates=_TEMPLATES,
    special={
        **NUMPY.special,
        **Words("np", SINGLE).special(),
        **on_diagonals(SINGLE),
        **of_numbers(_TEMPLATES),
    },
    extras={name: _in_single(lines) for name, lines in NUMPY.extras.items()},
    single="np.float32({0})",
    dtype="np.float32",
)
