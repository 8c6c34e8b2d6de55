"""What a licence forbids is refused before the work and before the push; what it asks is said."""

from __future__ import annotations

import json
from pathlib import Path

import huggingface_hub.constants as constants
import pytest

from modelrepair import load_manifest, push
from modelrepair.artifact.rights import rights_warnings
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import HubError
from modelrepair.progress import Progress
from modelrepair.publishing.options import PushOptions
from modelrepair.publishing.push import push as push_with
from modelrepair.source.licences import terms_of
from modelrepair.verification.verify import verify
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.small_repairs import make_repair

FORBIDDEN = "cc-by-nc-nd-4.0"


class Listening(Progress):
    """Keeps what is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


def card(licence: str, more: str = "") -> bytes:
    return f"---\nlicense: {licence}\n{more}---\n# Mine\n".encode()


def repaired(hub, folder, licence, id="user/model"):
    return on_the_hub(hub, folder, id, files={"README.md": card(licence)})


def fill(hub, readme: bytes, id="user/model"):
    hub.add(id, {**files_of(paths.attacked), "README.md": readme})


@pytest.mark.parametrize(
    "options", [{}, {"force": True}, {"pr": True}, {"in_place": True}, {"to": "me/other"}]
)
def test_no_public_changed_copy_where_the_licence_forbids_it(hub, tmp_path, options):
    made = repaired(hub, tmp_path, FORBIDDEN, "me/model")
    had = {id: repo.commits.keys() for id, repo in hub.repos.items()}
    with pytest.raises(HubError, match="forbids sharing changed copies") as caught:
        push(made.out, **options)
    assert "--private" in caught.value.hint and "by-nc-nd/4.0" in caught.value.hint
    assert had == {id: repo.commits.keys() for id, repo in hub.repos.items()}


def test_a_private_push_is_no_publication(hub, tmp_path):
    made = repaired(hub, tmp_path, FORBIDDEN)
    said = Listening()
    report = push_with(made.out, PushOptions(private=True), said)
    assert report.private and hub.repos["me/model-repaired"].private
    assert any("changed copies may not be shared" in line for line in said.lines)


@pytest.mark.parametrize("options", [[], ["--force"], ["--pr"]])
def test_it_is_refused_before_the_work(hub, tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    fill(hub, card(FORBIDDEN))
    assert run(["fix", "user/model", "--push", *options, "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert f"licence {FORBIDDEN} forbids sharing changed copies" in error["message"]
    assert not any("/datasets/" in path for _, path in hub.requests)
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.safetensors"))


@pytest.mark.parametrize("named", ["by the card", "by the user"])
def test_the_licence_of_the_base_forbids_it_too(hub, tmp_path, monkeypatch, capsys, named):
    monkeypatch.chdir(tmp_path)
    fill(hub, card(FORBIDDEN), "org/base")
    own = "base_model: org/base\n" if named == "by the card" else ""
    hub.add("user/model", {**hub.repos["org/base"].files(), "README.md": card("mit", own)})
    options = [] if own else ["--reference", "org/base"]
    assert run(["fix", "user/model", "--push", *options, "--json"]) == 3
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert f"{FORBIDDEN} of its base org/base forbids sharing" in message


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("llama3.1", "a name has to begin with 'Llama': --to me/Llama-model-repaired"),
        ("gemma", "a file Notice beside the weights has to say 'Gemma is provided under"),
        ("cc-by-nc-4.0", "it is not for commercial use"),
        ("grok2-community", "modelrepair does not know its rules: read it before you publish"),
        ("bigscience-openrail-m", "use restrictions have to be passed on"),
    ],
)
def test_what_a_licence_asks_is_said_before_the_push(hub, tmp_path, licence, said):
    made, heard = repaired(hub, tmp_path, licence), Listening()
    push_with(made.out, PushOptions(), heard)
    assert any(said in line and licence in line for line in heard.lines), heard.lines


def test_where_no_name_is_to_be_found_none_is_asked_for():
    lines = rights_warnings(terms_of({"license": "llama3.1"}), None)
    assert lines and not any("--to" in line for line in lines)


def test_a_free_licence_is_no_warning(hub, tmp_path):
    made, heard = repaired(hub, tmp_path, "apache-2.0"), Listening()
    push_with(made.out, PushOptions(), heard)
    assert heard.lines == []


def test_the_card_shows_what_the_licence_wants_displayed_and_verifies(tmp_path):
    made = make_repair(tmp_path, files={"README.md": card("llama3.1")})
    text = (made.out / "README.md").read_text()
    assert "llama3.1 (Llama 3.1 Community License): **Built with Llama**" in text
    assert "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright ©" in text
    assert "<https://www.llama.com/llama3_1/license/>" in text
    assert "a copy of the licence has to go with the model: LICENSE" in text
    assert verify(made.out, source=made.source).ok
    (record,) = load_manifest(made.out).licences
    assert (record.id, record.prefix, record.of) == ("llama3.1", "Llama", None)


def test_a_card_without_its_licence_does_not_verify(tmp_path):
    made = make_repair(tmp_path, files={"README.md": card("llama3.1")})
    path = made.out / "README.md"
    path.write_text(path.read_text().replace("**Built with Llama**", "Built with care"))
    assert not verify(made.out, source=made.source).ok


def test_no_licence_is_said_in_the_card(tmp_path):
    made = make_repair(tmp_path, files={"README.md": b"# Mine\n"})
    text = (made.out / "README.md").read_text()
    assert "- no licence\n  - its card names none: read LICENSE before you publish" in text


def test_a_strangers_words_are_no_markup_and_no_path(tmp_path):
    wild = 'other\nlicense_name: "[x](javascript:y) | <b>/home/me/secret"\nlicense_link: "<i>"'
    made = make_repair(tmp_path, files={"README.md": card(wild)})
    text = (made.out / "README.md").read_text()
    assert "<b>" not in text.split("---", 2)[2] and "/home/me" not in text
    assert verify(made.out, source=made.source).ok
