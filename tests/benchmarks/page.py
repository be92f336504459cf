"""How long the page takes from a key to a checked answer, over a page that only echoes the input.

Both pages wait as long after the last key. The answer and its check arrive together.
"""

from __future__ import annotations

import shutil
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.measure import table

FORMULAS = (
    "x'*A*x", "norm2(A*x - b)^2", "sum(log(1 + exp(-y.*(X*w))))", "tr(A*X*B)", "logdet(X)",
    "sum(relu(W*x + b))", "norm2(W2*relu(W1*x) - y)^2", "a'*inv(X)*b", "tr(X'*X)", "det(X)",
    "softmax(x)", "logsumexp(A*x)", "norm2(X - U*V')^2", "mean((X*w - y).^2)", "sum(tanh(W*x))",
    "sum(sigmoid(x).*y)", "exp(-norm2(x)^2)", "x'*x/(x'*A*x)", "norm1(x)", "max(x)",
    "cross_entropy(W*x + b, y)", "tr(X*A*X'*B)", "sum(X.^3)", "norm2(x)", "A*X*B", "kron(A, X)",
    "log(1 + x'*x)", "(A*x)'*(B*x)", "sum((A*x).*(B*x))", "norm2(diag(x)*y)^2",
)  # fmt: skip
ECHO = """<textarea id="f"></textarea><div id="results"></div><script>
let waiting = 0;
document.getElementById("f").oninput = (e) => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    document.getElementById("results").textContent = e.target.value;
  }, 120);
};
</script>"""


def main() -> None:
    """Print the ratio of both pages, and of the echo to itself as the control."""
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "matderiv", "serve", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page, echo = browser.new_page(), browser.new_page()
            page.goto(f"{address}#f=x")
            page.wait_for_selector(".result")
            echo.set_content(ECHO)
            found = [
                (_seconds(echo, f), _seconds(page, f), _seconds(echo, f + " ")) for f in FORMULAS
            ]
            browser.close()
        server.send_signal(signal.SIGINT)
    ratios = sorted(answer / echoed for echoed, answer, _ in found)
    control = statistics.median(again / echoed for echoed, _, again in found)
    rows = [
        ["", "ratio", "bar"],
        ["median", f"{statistics.median(ratios):.2f}", "1.5"],
        ["95 %", f"{ratios[int(0.95 * len(ratios))]:.2f}", "3"],
        ["control", f"{control:.2f}", ""],
    ]
    table("From a key to a checked answer, over a page that echoes", rows)


def _seconds(page: Any, typed: str) -> float:
    """From a key until something else is shown."""
    before = page.text_content("#results")
    started = time.perf_counter()
    page.fill("#f", typed)
    while page.text_content("#results") == before and time.perf_counter() < started + 20:
        pass
    return time.perf_counter() - started
