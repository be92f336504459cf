"""Draws the pictures of the README again: `python worked_examples/pictures.py`.

The derivation needs pdflatex and pdftoppm, the circuit nothing.
"""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import matderiv as md

FOLDER = Path(__file__).parent / "pictures"
NEURON = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
NUMBERS = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
LOSS = "sum(log(1 + exp(-y.*(X*w))))"
PAGE = r"""\documentclass{article}
\usepackage{amsmath,amssymb}
\begin{document}
\hoffset=-1in \voffset=-1in
\setbox0=\hbox{\begin{minipage}{14.5cm}
%s
\end{minipage}}
\pdfpagewidth=\dimexpr\wd0+1cm \pdfpageheight=\dimexpr\ht0+\dp0+0.6cm
\shipout\vbox{\kern0.3cm\hbox{\kern0.5cm\box0}}
\end{document}
"""


def circuit() -> str:
    """The sigmoid neuron of lesson 4 with its numbers, as SVG."""
    return md.graph(NEURON, values=NUMBERS).svg()


def derivation() -> str:
    """The gradient of the logistic loss as a LaTeX file with one small page."""
    found = md.derive(LOSS, "w", shapes={"X": "n,d", "w": "d", "y": "n"})
    return PAGE % found.latex("chain")


def picture(tex: str, to: Path, dots: int = 130) -> None:
    """A page of LaTeX as a PNG file."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "page.tex").write_text(tex, encoding="utf-8")
        run = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        subprocess.run(["pdflatex", "-interaction=batchmode", "page.tex"], **run)
        subprocess.run(
            ["pdftoppm", "-gray", "-png", "-singlefile", "-r", str(dots), "page.pdf", "page"],
            **run,
        )
        to.write_bytes((Path(folder) / "page.png").read_bytes())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "circuit.svg").write_text(circuit(), encoding="utf-8")
    picture(derivation(), FOLDER / "derivation.png")
    for drawn in sorted(FOLDER.iterdir()):
        print(f"{drawn.name}: {drawn.stat().st_size / 1000:.0f} kB")
