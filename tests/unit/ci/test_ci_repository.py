"""Commits, files and work trees of real repositories in temporary folders."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lens_gate.ci.repository import ChangePlace, Repository, branch_of_origin
from lens_gate.errors import ConfigProblem, UsageProblem

Git = Callable[..., str]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config").write_text('[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n')
    who = {f"GIT_{role}_{part}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "TMPDIR": str(tmp_path),
        **who,
    }


@pytest.fixture
def git(tmp_path: Path, env: dict[str, str]) -> Git:
    def run(*args: str, cwd: Path = tmp_path / "repo") -> str:
        done = subprocess.run(["git", *args], cwd=cwd, env=env, check=True, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    return run


@pytest.fixture
def root(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit that holds `a.txt` and `sub/b.txt`."""
    folder = tmp_path / "repo"
    (folder / "sub").mkdir(parents=True)
    git("init", "--quiet")
    (folder / "a.txt").write_text("one\n")
    (folder / "sub" / "b.txt").write_text("b\n")
    commit(git, "first")
    return folder


def commit(git: Git, message: str, cwd: Path | None = None) -> str:
    where = {} if cwd is None else {"cwd": cwd}
    git("add", "--all", **where)
    git("commit", "--quiet", "--allow-empty", "--message", message, **where)
    return git("rev-parse", "HEAD", **where)


@pytest.fixture
def repository(root: Path, env: dict[str, str]) -> Repository:
    found = Repository.find(root, env)
    assert found is not None
    return found


def test_a_repository_is_found_from_a_folder_inside_of_it(root: Path, env: dict[str, str]) -> None:
    found = Repository.find(root / "sub", env)
    assert found is not None
    assert (found.root, found.cwd) == (root.resolve(), (root / "sub").resolve())


def test_outside_of_a_repository_there_is_none(tmp_path: Path, env: dict[str, str]) -> None:
    assert Repository.find(tmp_path, {**env, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}) is None


def test_without_git_there_is_none(root: Path, env: dict[str, str]) -> None:
    assert Repository.find(root, {**env, "PATH": str(root)}) is None


def test_a_folder_of_another_user_is_an_error_with_the_command_that_allows_it(root: Path, env: dict[str, str]) -> None:
    with pytest.raises(UsageProblem, match="another user") as caught:
        Repository.find(root, {**env, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert "safe.directory" in str(caught.value.hint)


def test_the_environment_stays_out_of_the_representation(repository: Repository) -> None:
    assert "tester@example.org" not in repr(repository)


def test_head_and_branch_are_those_that_are_checked_out(repository: Repository, git: Git) -> None:
    assert repository.head() == git("rev-parse", "HEAD")
    assert repository.branch() == "main"
    git("checkout", "--quiet", "--detach")
    assert repository.branch() is None


def test_before_the_first_commit_head_is_an_error(tmp_path: Path, env: dict[str, str], git: Git) -> None:
    (tmp_path / "new").mkdir()
    git("init", "--quiet", cwd=tmp_path / "new")
    found = Repository.find(tmp_path / "new", env)
    assert found is not None
    with pytest.raises(UsageProblem, match="HEAD"):
        found.head()


@pytest.mark.parametrize("ref", ["no-such-branch", "", "--help", "0" * 40, "HEAD:a.txt"])
def test_a_ref_that_is_no_commit_is_an_error_with_a_next_step(repository: Repository, ref: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        repository.resolve(ref)
    assert "git log" in str(caught.value.hint)
    assert not repository.knows(ref)


def test_branches_tags_and_short_ids_resolve_to_full_ids(repository: Repository, git: Git) -> None:
    head = git("rev-parse", "HEAD")
    git("tag", "--annotate", "v1", "--message", "v1")
    assert {repository.resolve(ref) for ref in ("main", "v1", head[:8], "HEAD")} == {head}
    assert repository.knows("v1")


def test_a_branch_that_only_origin_has_resolves(root: Path, env: dict[str, str], git: Git, tmp_path: Path) -> None:
    git("branch", "release")
    git("clone", "--quiet", str(root), str(tmp_path / "clone"), cwd=tmp_path)
    assert Repository(tmp_path / "clone", env=env).resolve("release") == git("rev-parse", "HEAD")


def test_the_merge_base_is_where_two_branches_part(repository: Repository, git: Git) -> None:
    start = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    git("checkout", "--quiet", "main")
    commit(git, "main moves on")
    assert repository.merge_base("main", "change") == start


def test_unrelated_branches_have_no_merge_base(repository: Repository, git: Git) -> None:
    git("checkout", "--quiet", "--orphan", "other")
    commit(git, "other")
    with pytest.raises(UsageProblem, match="no common ancestor") as caught:
        repository.merge_base("main", "other")
    assert "--against-ref" in str(caught.value.hint)


def test_a_file_is_read_as_it_was(repository: Repository, root: Path, git: Git) -> None:
    (root / "a.txt").write_bytes(b"two\n")
    commit(git, "second")
    (root / "a.txt").write_bytes(b"three\n")
    assert (repository.read("HEAD~1", "a.txt"), repository.read("HEAD", "a.txt")) == (b"one\n", b"two\n")


def test_paths_are_relative_to_the_folder_that_the_repository_was_found_from(root: Path, env: dict[str, str]) -> None:
    found = Repository.find(root / "sub", env)
    assert found is not None
    assert found.read("HEAD", "b.txt") == b"b\n"
    assert found.read("HEAD", "../a.txt") == b"one\n"
    assert found.read("HEAD", str(root.resolve() / "a.txt")) == b"one\n"


@pytest.mark.parametrize(
    ("path", "message"), [("none.txt", "no such file"), ("sub", "no such file"), ("../x.txt", "outside")]
)
def test_a_file_that_a_commit_cannot_have_is_a_config_problem(repository: Repository, path: str, message: str) -> None:
    with pytest.raises(ConfigProblem, match=message) as caught:
        repository.read("HEAD", path)
    assert caught.value.place == path
    assert "--against-config" in str(caught.value.hint)


def test_changes_of_tracked_files_are_known_by_their_content(repository: Repository, root: Path, git: Git) -> None:
    (root / "new.txt").write_text("x")
    assert repository.changes() is None
    (root / "a.txt").write_text("changed")
    first = repository.changes()
    assert first is not None
    assert repository.changes() == first
    git("add", "a.txt")
    assert repository.changes() == first
    (root / "a.txt").write_bytes(b"\x00binary")
    second = repository.changes()
    assert second not in {None, first}
    git("add", "new.txt")
    assert repository.changes() not in {None, first, second}


def test_changes_need_a_commit_to_differ_from(tmp_path: Path, env: dict[str, str]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=env, check=True, timeout=60)
    repository = Repository.find(folder, env)
    assert repository is not None
    with pytest.raises(UsageProblem, match="cannot tell what has changed"):
        repository.changes()


def merged(git: Git) -> tuple[str, str]:
    """Merge a branch into main; return main's side and the merge."""
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    git("checkout", "--quiet", "main")
    before = commit(git, "main moves on")
    git("merge", "--quiet", "--no-ff", "--message", "merge", "change")
    return before, git("rev-parse", "HEAD")


def test_a_merge_commit_is_known_with_its_first_parent(repository: Repository, git: Git) -> None:
    assert not repository.is_merge_commit()
    before, merge = merged(git)
    assert repository.is_merge_commit()
    assert not repository.is_merge_commit("HEAD~1")
    assert repository.first_parent(merge) == before


def test_a_message_with_the_word_parent_makes_no_merge(repository: Repository, git: Git) -> None:
    commit(git, "subject\n\nparent a\nparent b")
    assert not repository.is_merge_commit()


def test_the_first_commit_has_no_parent(repository: Repository) -> None:
    with pytest.raises(UsageProblem, match="first commit"):
        repository.first_parent()


def test_a_merge_ref_is_compared_with_its_first_parent(repository: Repository, git: Git) -> None:
    before, merge = merged(git)
    git("checkout", "--quiet", "--detach", merge)
    assert repository.default_base(ChangePlace(merge=merge)) == before


def test_a_merge_of_main_into_a_change_is_not_the_merge_of_that_change(repository: Repository, git: Git) -> None:
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    git("checkout", "--quiet", "main")
    main = commit(git, "main moves on")
    git("checkout", "--quiet", "change")
    git("merge", "--quiet", "--no-ff", "--message", "merge", "main")
    git("checkout", "--quiet", "--detach", "change")
    for place in (ChangePlace(), ChangePlace(merge=main), ChangePlace(left_at=main), ChangePlace(left_at="0" * 40)):
        assert repository.default_base(place) == main


def test_a_change_is_compared_with_where_it_left_the_branch_that_it_goes_to(repository: Repository, git: Git) -> None:
    git("checkout", "--quiet", "-b", "release")
    release = commit(git, "release")
    git("update-ref", "refs/remotes/origin/release", release)
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    assert repository.default_base(ChangePlace(goes_to=("not-fetched", "release"))) == release
    git("branch", "--move", "main", "trunk")
    assert repository.default_base(ChangePlace(goes_to=("release",))) == release


def test_a_tag_is_not_taken_for_the_branch_of_its_name(repository: Repository, git: Git) -> None:
    main = git("rev-parse", "HEAD")
    git("update-ref", "refs/remotes/origin/main", main)
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    git("tag", "origin/main", "HEAD")
    git("tag", "main", "HEAD")
    assert repository.default_base() == main
    assert repository.default_base(ChangePlace(goes_to=("main",))) == main
    assert repository.resolve(branch_of_origin("main")) == main


def test_a_branch_is_compared_with_its_merge_base_even_after_merging_main(repository: Repository, git: Git) -> None:
    git("checkout", "--quiet", "-b", "change")
    commit(git, "change")
    git("checkout", "--quiet", "main")
    main = commit(git, "main moves on")
    git("checkout", "--quiet", "change")
    git("merge", "--quiet", "--no-ff", "--message", "merge", "main")
    assert repository.default_base() == main


def test_unpushed_commits_on_main_are_compared_with_origin(
    root: Path, env: dict[str, str], git: Git, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", str(root), str(clone), cwd=tmp_path)
    commit(git, "not pushed", cwd=clone)
    assert Repository(clone, env=env).default_base() == git("rev-parse", "HEAD")


def test_without_a_main_branch_the_base_must_be_named(repository: Repository, git: Git) -> None:
    git("branch", "--move", "main", "trunk")
    with pytest.raises(UsageProblem, match="main or master") as caught:
        repository.default_base()
    assert "--against-ref" in str(caught.value.hint)


def test_a_shallow_clone_says_what_to_fetch(root: Path, env: dict[str, str], git: Git, tmp_path: Path) -> None:
    _, merge = merged(git)
    clone = tmp_path / "shallow"
    git("clone", "--quiet", "--depth", "1", root.as_uri(), str(clone), cwd=tmp_path)
    git("checkout", "--quiet", "--detach", merge, cwd=clone)
    shallow = Repository(clone, env=env)
    assert shallow.is_shallow()
    assert shallow.is_merge_commit()
    with pytest.raises(UsageProblem) as caught:
        shallow.default_base(ChangePlace(merge=merge))
    assert "fetch-depth: 0" in str(caught.value.hint)
    with pytest.raises(UsageProblem) as caught:
        shallow.resolve("v1")
    assert "fetch-depth: 0" in str(caught.value.hint)


def test_a_whole_clone_is_not_shallow(repository: Repository) -> None:
    assert not repository.is_shallow()


def test_a_worktree_holds_the_old_files_and_is_removed(repository: Repository, root: Path, git: Git) -> None:
    (root / "a.txt").write_text("two\n")
    commit(git, "second")
    with repository.worktree("HEAD~1") as tree:
        assert (tree / "a.txt").read_text() == "one\n"
        assert (root / "a.txt").read_text() == "two\n"
        (tree / "a.txt").write_text("changed")
        (tree / "made.txt").write_text("by a server")
    assert not tree.exists()
    assert not tree.parent.exists()
    assert len(git("worktree", "list").splitlines()) == 1
    assert repository.branch() == "main"


def test_a_worktree_is_removed_when_its_user_fails(repository: Repository, git: Git) -> None:
    seen: list[Path] = []

    def use() -> None:
        with repository.worktree("HEAD") as tree:
            seen.append(tree)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert not seen[0].exists()
    assert len(git("worktree", "list").splitlines()) == 1


def test_two_worktrees_of_one_commit_stand_side_by_side(repository: Repository) -> None:
    with repository.worktree("HEAD") as one, repository.worktree("HEAD") as two:
        assert one != two
        assert (one / "a.txt").exists()
        assert (two / "a.txt").exists()


def test_making_a_worktree_runs_no_hook(repository: Repository, root: Path) -> None:
    hook = root / ".git" / "hooks" / "post-checkout"
    hook.write_text('#!/bin/sh\ntouch "$(git rev-parse --git-common-dir)/hooked"\n')
    hook.chmod(0o755)
    with repository.worktree("HEAD"):
        pass
    assert not (root / ".git" / "hooked").exists()


def test_a_worktree_that_cannot_be_made_is_an_error(repository: Repository, root: Path) -> None:
    (root / ".git" / "worktrees").write_text("in the way")
    with pytest.raises(UsageProblem, match="cannot check out"), repository.worktree("HEAD"):
        pytest.fail("there is no work tree to use")


def test_a_git_that_hangs_is_an_error(repository: Repository, tmp_path: Path, env: dict[str, str]) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 5\n")
    program.chmod(0o755)
    slow = replace(repository, env={**env, "PATH": f"{program.parent}:{env['PATH']}"}, timeout_s=0.1)
    with pytest.raises(UsageProblem, match="within"):
        slow.head()


def test_the_ancestors_of_a_commit_are_those_on_its_own_line_nearest_first(repository: Repository, git: Git) -> None:
    first = git("rev-parse", "HEAD")
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    second = git("rev-parse", "HEAD")
    assert repository.ancestors("HEAD", 2) == (second, first)
    assert repository.ancestors("HEAD", 1) == (second,)
    with pytest.raises(UsageProblem):
        repository.ancestors("nowhere", 1)


def test_who_commits_here_is_known_as_far_as_git_was_told(repository: Repository, env: dict[str, str]) -> None:
    assert repository.author() == "tester@example.org <tester@example.org>"
    nobody = {name: value for name, value in env.items() if not name.startswith("GIT_AUTHOR")}
    config = Path(nobody["GIT_CONFIG_GLOBAL"])
    config.write_text(config.read_text() + "[user]\n\tuseConfigOnly = true\n")
    assert replace(repository, env=nobody).author() is None
