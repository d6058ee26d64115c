"""The README as an index of packages shows it, by the hook that hatchling calls at each build."""

import importlib.util
import sys
import types
from pathlib import Path

import address
import pytest

README = (address.ROOT / "README.md").read_text(encoding="utf-8")
SOURCE = "https://github.com/someone/gentut"


@pytest.fixture
def hook(monkeypatch):
    """``hatch_build.py``, where hatchling is not installed too: only a build needs it."""
    name = "hatchling.metadata.plugin.interface"
    interface = types.ModuleType(name)
    interface.MetadataHookInterface = object
    for part in ("hatchling", "hatchling.metadata", "hatchling.metadata.plugin"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, name, interface)
    spec = importlib.util.spec_from_file_location(
        "course_hatch_build", address.ROOT / "hatch_build.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(hook, urls):
    made = hook.CustomMetadataHook()
    made.root, metadata = str(address.ROOT), {"urls": urls} if urls else {}
    made.update(metadata)
    assert metadata["readme"]["content-type"] == "text/markdown"
    return metadata["readme"]["text"]


def test_pictures_and_links_get_the_address_that_is_set(hook):
    text = page(hook, {"Source": SOURCE})
    for picture in ("data/samples.png", "data/prompts.png"):
        assert f"]({picture})" in README and f"]({SOURCE}/raw/HEAD/{picture})" in text
    assert f"[中文]({SOURCE}/blob/HEAD/README.zh-CN.md)" in text
    for _, _, place in hook.PLACE.findall(README):
        assert Path(address.ROOT, place).exists()
    assert not hook.PLACE.search(text)


def test_badges_and_links_within_the_page_stay(hook):
    badges = address.badges("someone/gentut")
    assert hook.with_addresses(badges, SOURCE) == badges
    assert hook.with_addresses("[a section](#data)", SOURCE) == "[a section](#data)"


def test_without_an_address_the_readme_goes_along_as_it_is(hook):
    assert page(hook, None) == README
