from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from audit_core import registry as registries
from audit_core.errors import PluginError
from audit_core.hookspecs import hookimpl
from audit_core.plugin import RendererPlugin
from audit_core.registry import discover

AttackFile = Callable[..., Path]
ANSWER = "return Scores(of='s', values=np.zeros(len(question.targets)))"


class EntryPoint:
    """What `importlib.metadata.entry_points` gives."""

    def __init__(self, name: str, plugin: object) -> None:
        self.name, self.value, self._plugin = name, name, plugin
        self.dist = SimpleNamespace(name=f"dist-{name}", version="1.0")

    def load(self) -> object:
        if isinstance(self._plugin, Exception):
            raise self._plugin
        return self._plugin


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(**plugins: object) -> None:
        points = [EntryPoint(name, plugin) for name, plugin in plugins.items()]
        monkeypatch.setattr(registries, "entry_points", lambda group: points)

    return install


def bringing(record: object) -> object:
    class Plugin:
        @hookimpl
        def audit_attacks(self) -> list[object]:
            return [record]

    return Plugin()


def record_of(attack_file: AttackFile, name: str = "tried") -> object:
    return discover([attack_file(ANSWER, name)]).attacks[name]


def test_the_built_in_plugins_come_by_entry_points() -> None:
    found = discover()
    assert {"membership"} <= set(found.attacks)
    assert {"exact-copies", "k-anonymity"} <= set(found.checks)
    assert {"json", "html", "junit", "markdown"} <= set(found.renderers)
    assert found.origins["membership"].distribution == "sekisho"
    assert not found.refusals


def test_a_plugin_that_does_not_import_is_a_refusal_and_takes_no_other_with_it(installed, attack_file) -> None:
    record = record_of(attack_file)
    installed(broken=ImportError("Smith"), good=bringing(record))
    found = discover()
    assert list(found.attacks) == ["tried"]
    (refusal,) = found.refusals
    assert (refusal.origin, refusal.reason.code) == ("dist-broken 1.0", "plugin-import-failed")
    assert "Smith" not in str(refusal)


def test_a_failing_hook_is_a_refusal(installed, attack_file) -> None:
    class Failing:
        @hookimpl
        def audit_attacks(self) -> list[object]:
            raise RuntimeError("Smith")

    installed(failing=Failing(), good=bringing(record_of(attack_file)))
    found = discover()
    assert list(found.attacks) == ["tried"]
    assert [one.reason.code for one in found.refusals] == ["plugin-import-failed"]


def test_two_plugins_of_one_name_are_refused_naming_both(installed, attack_file) -> None:
    record = record_of(attack_file)
    installed(first=bringing(record), second=bringing(record))
    with pytest.raises(PluginError) as caught:
        discover()
    text = str(caught.value)
    assert caught.value.exit_code == 2
    assert "dist-first" in text
    assert "dist-second" in text


def test_a_blocked_plugin_is_not_loaded(installed, attack_file) -> None:
    record = record_of(attack_file)
    installed(first=bringing(record), second=bringing(record))
    assert list(discover(blocked=["second"]).attacks) == ["tried"]


def test_another_api_is_refused_with_both_versions(installed, attack_file) -> None:
    from dataclasses import replace

    installed(newer=bringing(replace(record_of(attack_file), api=2)))
    (refusal,) = discover().refusals
    assert (refusal.reason.code, refusal.reason.args["wants"], refusal.reason.args["has"]) == ("plugin-api", 2, 1)


def test_an_unknown_hook_is_refused_unless_optional(installed) -> None:
    class Strict:
        @hookimpl
        def audit_horoscopes(self) -> list[object]:
            return []

    class Lenient:
        @hookimpl(optionalhook=True)
        def audit_horoscopes(self) -> list[object]:
            return []

    installed(strict=Strict(), lenient=Lenient())
    assert [(one.origin, one.reason.code) for one in discover().refusals] == [
        ("dist-strict 1.0", "plugin-unknown-hook")
    ]


def test_a_wrong_record_is_refused(installed) -> None:
    installed(odd=bringing("an attack"))
    assert [one.reason.code for one in discover().refusals] == ["plugin-wrong-record"]


@pytest.mark.parametrize("body", ["raise RuntimeError('Smith')", "import a_module_nobody_has", "def ("])
def test_a_plugin_file_that_does_not_import_is_an_error_naming_it(tmp_path: Path, body: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(body)
    with pytest.raises(PluginError, match=r"mine\.py") as caught:
        discover([path])
    assert "Smith" not in str(caught.value)


def test_a_missing_plugin_file_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"nowhere\.py"):
        discover([Path("nowhere.py")])


@pytest.mark.parametrize(
    "filename", ["../x.html", "manifest.json", "policy.resolved.yaml", "{nothing}.html", ".lock", ""]
)
def test_a_renderer_writes_a_plain_file_of_its_own(installed, filename: str) -> None:
    class Plugin:
        @hookimpl
        def audit_renderers(self) -> list[object]:
            return [RendererPlugin(name="odd", title={"en": "Odd"}, filename=filename, load="odd:render")]

    installed(odd=Plugin())
    assert [one.reason.code for one in discover().refusals] == ["plugin-wrong-record"]


def test_what_a_recipe_requires_must_be_there(installed, attack_file) -> None:
    installed(good=bringing(record_of(attack_file)))
    for present in ("good", "dist-good", "tried"):
        discover(required=[present])
    with pytest.raises(PluginError, match="requires the plugin 'absent'"):
        discover(required=["absent"])


def test_an_attack_may_not_take_the_name_of_a_renderer(attack_file: AttackFile) -> None:
    with pytest.raises(PluginError, match=r"named 'html': of html\.py and of sekisho "):
        discover([attack_file(ANSWER, name="html")])


def test_files_of_one_name_are_two_plugins_and_one_file_given_twice_is_one(
    attack_file: AttackFile, tmp_path: Path
) -> None:
    first = attack_file(ANSWER, "same").rename(tmp_path / "first.py")
    second = attack_file(ANSWER, "other")
    folder = tmp_path / "folder"
    folder.mkdir()
    copy = folder / "first.py"
    copy.write_bytes(second.read_bytes())
    found = discover([first, copy, tmp_path / "folder" / ".." / "first.py"])
    assert {name: found.origins[name].file for name in ("same", "other")} == {"same": str(first), "other": str(copy)}
