"""The page without a browser: what it answers, whom it answers, and what cannot get through it."""

from __future__ import annotations

import ast
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx2")

import hostile
from hostile_doors import MARKUP, texts
from starlette.testclient import TestClient

import matderiv as md
from matderiv.page import server
from matderiv.page.replies import reply
from matderiv.page.worker import SUPERSEDED, Worker

PORT, TOKEN = 8000, "secret"
HOME = f"http://127.0.0.1:{PORT}"
ASK = f"/{TOKEN}/ask"
INJECTIONS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</math><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
    "__import__('os').system('true')",
    "\\input{/etc/passwd}",
    "x\u202e\u0000\u001b[2J",
)
FIELDS = ("f", "by", "answer", "spelling", "kind", "layout", "view", "detail", "target", "vectors")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    worker = Worker(20)
    with TestClient(server.application(TOKEN, PORT, worker), base_url=HOME) as found:
        yield found
    worker.end()


def asked(client: TestClient, **fields: Any) -> dict[str, Any]:
    response = client.post(ASK, json=fields, headers={"Origin": HOME})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_an_address_is_answered_as_soon_as_it_is_known() -> None:
    with server.listening(0) as known, socket.create_connection(known.getsockname(), 1):
        pass


def test_an_answer_with_all_that_is_known(client: TestClient) -> None:
    found = asked(client, ask="derive", f="norm2(A*x - b)^2", by="x")
    (result,) = found["results"]
    assert result["text"] == "2*A'*(A*x - b)"
    assert result["doubt"] == ""
    assert result["checked"].startswith("verified")
    kinds = {n["name"]: (n["kind"], n["sizes"], n["guessed"]) for n in found["names"]}
    assert kinds == {
        "A": ("matrix", "m, n", "letter"),
        "x": ("vector", "n", "letter"),
        "b": ("vector", "m", "use"),
    }


def test_a_kind_alone_gets_sizes_that_fit(client: TestClient) -> None:
    found = asked(client, ask="derive", f="A*x + b", by="x", kinds={"b": "number"})
    assert {n["name"]: n["kind"] for n in found["names"]}["b"] == "number"
    found = asked(client, ask="derive", f="sum(a*x)", by="x", kinds={"a": "matrix"})
    assert {n["name"]: n["kind"] for n in found["names"]}["a"] == "matrix"
    assert found["results"][0]["text"] == "sum(a,1)'"


def test_what_sympy_would_take_long_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"ask": "derive", "f": "x'*A*x", "by": "x"}
    assert "no form for SymPy" not in str(reply(asked))
    monkeypatch.setattr("matderiv.page.replies.MOST_COPIED", 3)
    (found,) = reply(asked)["results"]
    assert (found["sympy"], *found["notes"]) == (
        "",
        "no form for SymPy, which takes long where there are over 5,000 symbols",
    )


def test_several_variables_at_once(client: TestClient) -> None:
    found = asked(client, ask="derive", f="norm2(W*x + b)^2", by="W,b")
    assert [r["by"] for r in found["results"]] == ["W", "b"]


@pytest.mark.parametrize(
    ("typed", "span", "tries"),
    [
        ("tr(reul(X))", [3, 7], ["tr(relu(X))", "tr(relu6(X))"]),
        ("norm2(A*x", [5, 6], ["norm2(A*x)"]),
        ("x*y", [0, 3], ["x'*y", "x*y'", "x.*y"]),
    ],
)
def test_corrections_that_are_read(
    typed: str, span: list[int], tries: list[str], client: TestClient
) -> None:
    error = asked(client, ask="derive", f=typed)["error"]
    assert (error["field"], error["span"]) == ("f", span)
    assert [t["text"] for t in error["tries"]] == tries
    for text in tries:
        assert asked(client, ask="derive", f=text)["read"]


def test_an_answer_is_judged_in_three_levels(client: TestClient) -> None:
    question = {"f": "norm2(A*x - b)^2", "by": "x"}
    assert asked(client, ask="verify", **question, answer="2*A'*(A*x-b)")["correct"] is True
    told = asked(client, ask="verify", **question, answer="2*A*(A*x-b)")
    assert told["correct"] is False
    assert told["kind"] == "a transpose is missing or too many"
    assert "A'" not in told["kind"]
    assert told["typed"] == [["2*A", False], ["‸", True], ["*(A*x-b)", False]]
    assert told["suggestion"] == "2*A'*(A*x - b)"


def test_a_derivation_is_judged_line_by_line(client: TestClient) -> None:
    lines = "df = 2*(A*x-b)'*A*dx\n∇f = A'*(A*x-b)"
    told = asked(client, ask="verify", f="norm2(A*x - b)^2", by="x", answer=lines)
    assert [line["mark"] for line in told["lines"]] == ["ok", "WRONG"]
    assert told["first_wrong"] == 2


def test_a_class(client: TestClient) -> None:
    table = "f,wrt,answer,id\nx'*x,x,2*x,Ann\nx'*x,x,x,Bob\nx'*x,x,2*,Cem\n"
    told = asked(client, ask="class", table=table)
    assert [r["verdict"] for r in told["rows"]] == ["proved", "disproved", "unread"]
    assert "Bob" in told["csv"]


def test_no_hint_shows_the_result(client: TestClient) -> None:
    question = {"f": "norm2(A*x - b)^2", "by": "x"}
    told = asked(client, ask="hint", **question, number=1)
    assert told["of"] >= 3
    assert "2*A'" not in json.dumps(told)
    assert asked(client, ask="hint", **question, number=99)["error"]["message"]


def test_steps_graph_code_and_sheet(client: TestClient) -> None:
    question = {"f": "sum(relu(W*x))", "by": "W"}
    assert "<math" in asked(client, ask="steps", **question, view="differential")["html"]
    graph = asked(client, ask="graph", **question, values={"W": [[1, -2]], "x": [3, 1]})
    assert graph["svg"].startswith("<svg")
    assert "<style" not in graph["svg"]
    assert graph["steps"][0]["node"] == "f"
    ast.parse(asked(client, ask="code", **question)["code"])
    made = asked(client, ask="sheet", parts=[question], format="latex")["file"]
    assert made.startswith("\\documentclass")
    assert "\\end{document}" in made


def test_what_is_wrong_with_a_request_is_said(client: TestClient) -> None:
    headers = {"Origin": HOME}
    for body in (b"", b"no", b"[]", b"[" * 100_000, b"1"):
        found = client.post(ASK, content=body, headers=headers | {"Content-Type": "text/plain"})
        assert found.status_code == 400
        kind = {"Content-Type": "application/json"}
        assert client.post(ASK, content=body, headers=headers | kind).status_code == 400
    assert client.post(ASK, json={"f": "x" * 2_000_000}, headers=headers).status_code == 400
    assert "error" in asked(client)
    assert "error" in asked(client, ask="derive", f=3)
    assert "error" in asked(client, ask="derive", f="x'*x", shapes=[1])
    assert "error" in asked(client, ask="derive", f="x'*x", order="many")


# Who is answered ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (ASK, {"Origin": "http://evil.example"}),
        (ASK, {"Origin": "null"}),
        (ASK, {}),
        (ASK, {"Origin": HOME, "Host": "evil.example:8000"}),
        (ASK, {"Origin": HOME, "Host": "127.0.0.1:9000"}),
        ("/secre/ask", {"Origin": HOME}),
        ("/secret1/ask", {"Origin": HOME}),
        ("/sécret/ask", {"Origin": HOME}),
    ],
)
def test_nobody_else_is_answered(path: str, headers: dict[str, str], client: TestClient) -> None:
    body = json.dumps({"ask": "derive", "f": "x'*x"})
    sent = {"Content-Type": "application/json", **headers}
    found = client.post(path, content=body, headers=sent)
    assert found.status_code == 403
    assert "results" not in found.text


def test_the_page_comes_with_its_rules_and_from_nowhere_else(client: TestClient) -> None:
    page = client.get(f"/{TOKEN}/")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert client.get("/wrong/").status_code == 403
    assert client.get("/").status_code == 404
    assert client.get(f"/{TOKEN}/", headers={"Host": "evil.example"}).status_code == 403
    for name in ("..%2fserver.py", "page.py", "%2e%2e%2freplies.py", "static"):
        assert client.get(f"/{TOKEN}/{name}").status_code == 404
    total = 0
    for path in server.STATIC.iterdir():
        content = path.read_text("utf-8")
        total += len(content) if path.suffix == ".js" else 0
        assert client.get(f"/{TOKEN}/{path.name}").status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", content)
        assert not re.search(r"\bon[a-z]+=\"|<script(?! type=\"module\" src)|style=\"", content)
    assert total < 60_000


def test_a_newer_question_ends_an_older_one(client: TestClient) -> None:
    """Thirty seconds of work do not keep the next answer waiting."""
    from concurrent.futures import ThreadPoolExecutor

    slow = "det(" + "*".join(["(A.^2+B)"] * 60) + ")"
    with ThreadPoolExecutor() as pool:
        older = pool.submit(asked, client, ask="derive", f=slow, by="A", order=3, place="p")
        time.sleep(0.3)
        newer = pool.submit(asked, client, ask="derive", f="x'*x", by="x", place="p", turn=1)
        assert newer.result(15)["results"][0]["text"] == "2*x"
        assert older.result(15).keys() & {"superseded", "results", "error"}


def test_requests_that_overtake_each_other_are_answered_by_their_turn(client: TestClient) -> None:
    """What a page asked last is answered, whatever arrives last; other pages are not touched."""
    question = {"ask": "derive", "f": "x'*x", "by": "x"}
    assert asked(client, **question, place="one graph", turn=3)["results"]
    assert asked(client, **question, place="one graph", turn=2) == SUPERSEDED
    assert asked(client, **question, place="two graph", turn=1)["results"]
    assert asked(client, **question, place="", turn=1)["results"]


def test_an_answer_that_takes_too_long_is_ended() -> None:
    worker = Worker(0.05)
    with TestClient(server.application(TOKEN, PORT, worker), base_url=HOME) as slow:
        f = "det(" + "*".join(["(A.^2+B)"] * 40) + ")"
        assert asked(slow, ask="derive", f=f, by="A", order=2)["error"]["code"] == "time"
        worker.seconds = 20.0
        assert asked(slow, ask="derive", f="x'*x", by="x")["results"]
    worker.end()


# What cannot get through --------------------------------------------------------------------------


def assert_harmless(found: dict[str, Any]) -> None:
    json.dumps(found, allow_nan=False)
    for name, text in texts(found):
        if name in (*MARKUP, "svg"):
            assert not re.search(
                r"<\s*(script|img|iframe|object|a\b)|\son\w+\s*=|javascript:", text
            )


@pytest.mark.parametrize("typed", INJECTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_nothing_typed_becomes_part_of_the_page(field: str, typed: str) -> None:
    for verb in ("derive", "verify", "steps", "graph", "code", "sheet", "class", "hint"):
        question: dict[str, Any] = {"f": "x'*x", "by": "x", "answer": "2*x", field: typed}
        question |= {"parts": [dict(question)], "title": typed, "table": f"f,wrt,answer\n{typed}"}
        assert_harmless(reply({"ask": verb, **question}))
    named = {"shapes": {typed: "n"}, "assume": {"x": typed}, "kinds": {typed: typed}}
    assert_harmless(reply({"ask": "derive", "f": "x'*x", "by": "x", **named}))


@pytest.mark.sweep
def test_ten_thousand_hostile_inputs_are_answered() -> None:
    found = hostile.sweep(7, 10_000, door="page")
    assert not found, "\n".join(map(str, found))


def test_a_guess_that_changes_the_answer_is_a_question(client: TestClient) -> None:
    (doubt,) = asked(client, ask="doubts", f="c*x'*x", by="x")["doubts"]
    assert (doubt["name"], doubt["kind"]) == ("c", "vector")
    assert doubt["text"] == md.derive("c*x'*x", "x", shapes={"c": "n", "x": "m"}).formula
    for said in ({"shapes": {"c": ""}}, {"kinds": {"c": "number"}}):
        assert asked(client, ask="doubts", f="c*x'*x", by="x", **said)["doubts"] == []
    assert asked(client, ask="doubts", f="norm2(A*x - b)^2", by="x")["doubts"] == []


def test_a_sum_over_data_is_shown_as_a_sum_too(client: TestClient) -> None:
    typed = r"\sum_{i=1}^n (w^\top x_i - y_i)^2"
    (result,) = asked(client, ask="derive", f=typed, by="w")["results"]
    assert "∑" in result["sum"]
    assert asked(client, ask="derive", f="norm2(X*w - y)^2", by="w")["results"][0]["sum"] == ""
