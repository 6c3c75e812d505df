"""The pages as the site's generator takes them."""

from pathlib import Path

import pytest

from documenting.pages import ROOT, links, pages
from documenting.staging import _NOT_SEARCHED, script_as_page, stage


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged") / "pages"
    stage(folder)
    return folder


def test_every_page_and_whatever_it_links_to_is_there(staged: Path) -> None:
    missing = [
        (page, link.address)
        for page in pages()
        for link in links((staged / page).read_text(encoding="utf-8"))
        if not link.elsewhere and not (staged / link.target(page)[0]).is_file()
    ]
    assert missing == []


def test_a_link_called_after_its_file_is_called_after_what_it_leads_to(staged: Path) -> None:
    text = (staged / "docs" / "first-model.md").read_text(encoding="utf-8")
    assert "[Training on tables](tables.md)" in text
    assert "[a walk](walk.md)" not in text
    assert "[The same by HTTP alone](walk.md)" in text, "what a person called otherwise stays"


def test_a_page_is_otherwise_as_it_was_written(staged: Path) -> None:
    for page in pages():
        before = (ROOT / page).read_text(encoding="utf-8").splitlines()
        after = (staged / page).read_text(encoding="utf-8").split(_NOT_SEARCHED)[-1].splitlines()
        assert len(before) == len(after), page
        changed = [one for one, other in zip(before, after, strict=True) if one != other]
        assert [line for line in changed if ".md" not in line and ".py)" not in line] == [], page


def test_what_tells_of_former_days_is_not_searched(staged: Path) -> None:
    left_out = {page for page in pages() if (staged / page).read_text("utf-8").startswith(_NOT_SEARCHED)}
    assert left_out == {"CHANGELOG.md", *(page for page in pages() if page.startswith("docs/decisions/0"))}


def test_what_is_staged_anew_holds_nothing_of_before(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "gone.md").write_text("# Gone\n", encoding="utf-8")
    stage(folder)
    assert not (folder / "gone.md").exists()


def test_a_script_in_cells_is_a_page() -> None:
    script = "# %% [markdown]\n# # Title\n#\n# Words.\n\n# %%\nx = 1  # %% no cell\n\n# %%\nx\n"
    assert script_as_page(script) == (
        "# Title\n\nWords.\n\n```python\nx = 1  # %% no cell\n```\n\n```python\nx\n```\n"
    )
