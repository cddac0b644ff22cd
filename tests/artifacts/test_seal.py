"""A keyed seal refuses what was not written by its holder; the reader of boosters refuses what LightGBM would trust."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from mutations import seal_again

from custintel.artifact import Model, load_model
from custintel.errors import ConfigurationError, ModelError
from custintel.learners import ChurnClassifier

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a long key that nobody else knows"


def _fitted(seed: int) -> Model:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"plan": rng.choice(list("ABCDEFGHIJKL"), 300), "bill": rng.gamma(2, 20, 300)})
    left = ((table["plan"].isin(list("ADGJ"))) ^ (table["bill"] > 40)).astype(int)  # no straight line finds this
    return Model("churn", ChurnClassifier(n_jobs=1, random_state=seed).fit(table, left), {"version": str(seed)})


@pytest.fixture(scope="module")
def model() -> Model:
    return _fitted(0)


@pytest.fixture
def with_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", KEY)


@pytest.mark.usefixtures("with_key")
def test_a_sealed_model_is_opened(model: Model, tmp_path: Path) -> None:
    assert load_model(model.save(tmp_path / "churn")).version == "0"


def test_a_sealed_model_is_opened_without_a_key(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", KEY)
    place = model.save(tmp_path / "churn")
    monkeypatch.delenv("CUSTINTEL_SEAL_KEY")
    assert load_model(place).version == "0"


def test_a_model_without_a_seal_or_of_another_key_is_refused(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsealed = model.save(tmp_path / "unsealed")
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", "somebody else's key, long enough")
    foreign = model.save(tmp_path / "foreign")
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", KEY)
    for place, told in ((unsealed, "has no seal"), (foreign, "does not fit")):
        with pytest.raises(ModelError, match=rf"{told}.*\n.*hint: .*\n.*unsealed=True"):
            load_model(place)
        assert load_model(place, unsealed=True).version == "0"


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("file", ["model.json", "booster_0.txt"])
def test_a_sealed_model_that_was_changed_is_refused(model: Model, tmp_path: Path, file: str) -> None:
    place = model.save(tmp_path / "churn")
    texts = {p.name: p.read_bytes() for p in place.glob("*.txt")}
    content = json.loads((place / "model.json").read_text())
    if file == "model.json":
        content["metadata"]["version"] = "8"
    else:
        texts[file] = texts[file].replace(b"leaf_value=", b"leaf_value=1")
        (place / file).write_bytes(texts[file])
    seal_again(content, texts)
    (place / "model.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="does not fit its content"):
        load_model(place)


@pytest.mark.parametrize("key", [" " * 40, "abab" * 16])
def test_a_key_of_too_few_characters_is_refused(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", key)
    with pytest.raises(ConfigurationError, match=r"too easy to guess[\s\S]*hint"):
        model.save(tmp_path / "model")


def test_a_short_key_is_refused(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTINTEL_SEAL_KEY", "secret")
    with pytest.raises(ConfigurationError, match=r"too short[\s\S]*hint") as told:
        model.save(tmp_path / "churn")
    assert "secret" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def _replace(text: str, name: str, value: str) -> str:
    lines = text.split("\n")
    k = next(k for k, line in enumerate(lines) if line.startswith(f"{name}="))
    lines[k] = f"{name}={value}"
    return "\n".join(lines)


def _of_first_tree(text: str, name: str) -> list[str]:
    return next(line for line in text.split("\n") if line.startswith(f"{name}=")).partition("=")[2].split(" ")


def _sized(text: str) -> str:
    head, first, body = text.partition("end of trees")[0].partition("\n\nTree=")
    sizes = " ".join(str(len(one) + 5) for one in body.split("Tree="))
    return _replace(head, "tree_sizes", sizes) + first + body + "end of trees\n"


ATTACKS = {
    "a node is its own child": ("left_child", lambda v: ["0", *v[1:]]),
    "two nodes point at one another": ("right_child", lambda v: [*v[:-1], "0"]),
    "a child beyond the tree": ("left_child", lambda v: [*v[:-1], "-99999"]),
    "a column beyond the table": ("split_feature", lambda v: ["99", *v[1:]]),
    "a negative column": ("split_feature", lambda v: ["-1", *v[1:]]),
    "an unknown decision": ("decision_type", lambda v: ["127", *v[1:]]),
    "a set that is not there": ("decision_type", lambda v: ["1", *v[1:]]),
    "a leaf that is no number": ("leaf_value", lambda v: ["nan", *v[1:]]),
    "a leaf too few": ("leaf_value", lambda v: v[1:]),
    "more leaves than there are": ("num_leaves", lambda _: ["131072"]),
    "a linear tree": ("is_linear", lambda _: ["1"]),
    "many classes": ("num_class", lambda _: ["3"]),
    "more columns": ("max_feature_idx", lambda _: ["2000000000"]),
    "another objective": ("objective", lambda _: ["custom"]),
    "sizes that are not those of the trees": ("tree_sizes", lambda v: ["2147483647", *v[1:]]),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_tree_that_lightgbm_would_trust_is_refused(model: Model, tmp_path: Path, attack: str) -> None:
    place = model.save(tmp_path / "churn")
    name, change = ATTACKS[attack]
    text = (place / "booster_0.txt").read_text()
    changed = _replace(text, name, " ".join(change(_of_first_tree(text, name))))  # type: ignore[no-untyped-call]
    changed = changed if name == "tree_sizes" else _sized(changed)
    (place / "booster_0.txt").write_text(changed)
    content = json.loads((place / "model.json").read_text())
    seal_again(content, {p.name: p.read_bytes() for p in place.glob("*.txt")})
    (place / "model.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"no booster that custintel wrote: .*\n.*hint"):
        load_model(place)


def test_a_name_that_leaves_the_folder_is_refused(model: Model, tmp_path: Path) -> None:
    place = model.save(tmp_path / "churn")
    (tmp_path / "secret.txt").write_text("tree")
    content = json.loads((place / "model.json").read_text())
    content["boosters"]["../secret"] = hashlib.sha256(b"tree").hexdigest()
    content.pop("checksum")
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    content["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    (place / "model.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="wrong or missing boosters"):
        load_model(place)


@pytest.mark.parametrize(
    "text", ["[" * 100_000 + "]" * 100_000, '{"a": ' + "9" * 5_000 + "}", '{"a": 1, "a": 2}', "\ufeff{}", "null"]
)
def test_json_that_is_none_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"is damaged|is not a model file"):
        load_model(tmp_path)


def test_a_model_is_read_whole_while_it_is_replaced(tmp_path: Path) -> None:
    models, done, failed = [_fitted(0), _fitted(1)], threading.Event(), []
    place = models[0].save(tmp_path / "churn")
    expected = [m.to_state() for m in (one.estimator for one in models)]

    def read() -> None:
        while not done.is_set():
            try:
                again = load_model(place)
                _, texts = again.estimator.to_state()
                assert texts == expected[int(str(again.version))][1]
            except (ModelError, AssertionError) as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for k in range(25):
        models[k % 2].save(place)
    done.set()
    reader.join(30)
    assert not failed
