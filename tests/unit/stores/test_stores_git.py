"""The git store against real repositories on disk: the contract, and that nobody's work tree is touched."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from random import Random

import pytest

from lens_gate.errors import NotStored, PublishFailed, StoreDamaged, StoreProblem, UsageProblem
from lens_gate.stores.address import GitAddress
from lens_gate.stores.base import Listing
from lens_gate.stores.git.branch import Branch
from lens_gate.stores.git.opening import BOT, NOBODY, open_git
from lens_gate.stores.git.store import GitStore
from lens_gate.stores.index_file import as_listed
from lens_gate.stores.settings import GitSettings, Surroundings
from tests.fakes.git import commit, git, make_repository
from tests.stores_contract import DAY, ENTRY, RICH, RUN, ConditionContract, StoreContract, Subject

ADDRESS = GitAddress("bench/history", "api/chat")
ENTRY_FILE = "api/chat/results/2026/03/02/.index/commit-91d04e7-0b5a3c11.json.gz.json"


def surroundings(directory: Path, **environment: str) -> Surroundings:
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": "/nonexistent"}
    known = {"PATH": os.environ["PATH"], **quiet, **environment}
    return Surroundings(directory=directory, environment=known, rng=Random(), sleep=time.sleep)


def opened(directory: Path, *, remote: str | None = None, **environment: str) -> GitStore:
    return open_git(ADDRESS, GitSettings(remote=remote, tries=30), surroundings(directory, **environment))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository as a server keeps one, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    git(folder, "init", "--quiet", "--bare", "--template=")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "receive.autogc", "false")
    return folder


@pytest.fixture
def remote(tmp_path: Path, empty: Path) -> Path:
    return shutil.copytree(empty, tmp_path / "remote.git")


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose own state does not matter."""
    folder = tmp_path_factory.mktemp("somewhere")
    make_repository(folder)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work tree with a commit, an own configuration, and hooks that leave a trace when they run, to be copied."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "sub").mkdir()
    make_repository(folder)
    (folder / "file.txt").write_text("one\n")
    commit(folder)
    git(folder, "remote", "add", "origin", "../remote.git")
    hook(folder / ".git", "pre-push", "post-commit", "post-checkout", "reference-transaction", "pre-receive", "update")
    return folder


@pytest.fixture
def clone(remote: Path, work: Path) -> Path:
    """A work tree beside its remote."""
    return shutil.copytree(work, remote.parent / "work")


@pytest.fixture
def alone(clone: Path) -> Path:
    """A repository that has no remote."""
    git(clone, "remote", "remove", "origin")
    return clone


def hook(git_dir: Path, *names: str, script: str = "touch hook-ran; exit 1") -> None:
    for name in names:
        path = git_dir / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)


class TestTheGitStore(StoreContract, ConditionContract):
    writers = 4

    @pytest.fixture
    def subject(self, somewhere: Path, remote: Path) -> Subject:
        return Subject(lambda: opened(somewhere, remote=str(remote)))


def test_a_repository_without_a_remote_keeps_the_branch_itself(alone: Path) -> None:
    store = opened(alone)
    etag = store.put(RUN, b"one", RICH, condition="absent")
    assert opened(alone / "sub").read(RUN).etag == etag == git(alone, "rev-parse", f"bench/history:api/chat/{RUN}")
    assert store.list() == opened(alone).newest("results", 1) == (Listing(RUN, as_listed(RICH)),)
    store.delete(RUN, etag)
    assert store.list() == ()
    assert git(alone, "rev-list", "--count", "bench/history") == "2"


def test_many_keys_are_removed_by_one_commit(alone: Path) -> None:
    store, keys = opened(alone), [f"{DAY}/run-{number}.json.gz" for number in range(3)]
    for key in keys:
        store.put(key, b"x", ENTRY)
    before = int(git(alone, "rev-list", "--count", "bench/history"))
    store.delete_all(lambda: [*keys[:2], f"{DAY}/gone.json.gz"])
    assert int(git(alone, "rev-list", "--count", "bench/history")) == before + 1
    assert store.list() == (Listing(keys[2], ENTRY),)
    assert git(alone, "ls-tree", "-r", "--name-only", "bench/history").count("run-") == 2
    with pytest.raises(UsageProblem, match="cannot be the key"):
        store.delete_all(lambda: [keys[2], "../other"])
    assert store.get(keys[2]) == b"x"


def test_what_is_removed_is_chosen_anew_where_somebody_wrote_meanwhile(somewhere: Path, remote: Path) -> None:
    store, other = (opened(somewhere, remote=str(remote)) for _ in range(2))
    keys = [f"{DAY}/run-{number}.json.gz" for number in range(2)]
    for key in keys:
        store.put(key, b"x", ENTRY)
    chosen: list[list[str]] = []

    def choose() -> list[str]:
        chosen.append([one.key for one in store.list() if one.entry == ENTRY])
        if len(chosen) == 1:
            other.put(keys[0], b"x", RICH)  # worth keeping from now on
        return chosen[-1]

    store.delete_all(choose)
    assert chosen == [keys, keys[1:]]
    assert [one.key for one in store.list()] == keys[:1]


def state(work: Path) -> dict[str, bytes]:
    """Everything in a work tree and its repository but objects and our own branch."""
    files = {path.relative_to(work).as_posix(): path for path in work.rglob("*") if path.is_file()}
    ours = (".git/objects/", ".git/refs/heads/bench/", ".git/logs/refs/heads/bench/")
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(ours)}


@pytest.mark.parametrize("has_remote", [True, False])
def test_a_work_tree_with_changes_its_index_head_configuration_and_hooks_are_left_alone(
    clone: Path, has_remote: bool
) -> None:
    if not has_remote:
        git(clone, "remote", "remove", "origin")
    (clone / "file.txt").write_text("changed\n")
    (clone / "staged.txt").write_text("staged\n")
    git(clone, "add", "staged.txt")
    (clone / "new.txt").write_text("new\n")
    before = state(clone)
    in_a_hook = {"GIT_DIR": "elsewhere", "GIT_INDEX_FILE": str(clone / "other-index"), "GIT_WORK_TREE": "/"}
    store = opened(clone, **in_a_hook)
    store.put(RUN, b"one", ENTRY)
    store.put(RUN, b"two", RICH)
    assert (store.get(RUN), len(store.list()), len(store.newest("results", 5))) == (b"two", 1, 1)
    store.compact()
    store.delete(RUN)
    assert state(clone) == before
    assert (git(clone, "branch", "--list", "bench/*") == "") is has_remote


def test_a_branch_that_is_checked_out_is_not_written(alone: Path) -> None:
    opened(alone).put(RUN, b"zero", ENTRY)
    git(alone, "-c", "core.hooksPath=/dev/null", "checkout", "--quiet", ADDRESS.branch)
    with pytest.raises(PublishFailed, match="this branch is checked out in a work tree"):
        opened(alone).put(RUN, b"one", ENTRY)
    assert not (alone / "file.txt").exists()


def test_a_branch_that_began_as_something_else_is_neither_written_nor_compacted(alone: Path) -> None:
    git(alone, "-c", "core.hooksPath=/dev/null", "branch", ADDRESS.branch)
    before = git(alone, "rev-parse", ADDRESS.branch)
    store = opened(alone)
    for act in (lambda: store.put(RUN, b"one", ENTRY), store.compact):
        with pytest.raises(UsageProblem, match="this branch was not begun by lens-gate"):
            act()
    assert git(alone, "rev-parse", ADDRESS.branch) == before


def test_the_last_runs_are_read_without_the_bytes_of_all_runs(
    somewhere: Path, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(somewhere, remote=str(remote))
    for number in range(6):
        store.put(f"results/2026/03/0{number + 1}/run", Random(number).randbytes(100_000), ENTRY)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    fresh = opened(somewhere, remote=str(remote))
    assert len(fresh.newest("results", 2)) == 2
    assert size(tmp_path / "scratch") < 50_000
    assert fresh.get("results/2026/03/06/run") == Random(5).randbytes(100_000)
    assert 100_000 < size(tmp_path / "scratch") < 150_000
    del fresh
    assert size(tmp_path / "scratch") == 0


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_server_that_leaves_nothing_out_is_read_as_well(somewhere: Path, remote: Path) -> None:
    git(remote, "config", "uploadpack.allowFilter", "false")
    opened(somewhere, remote=str(remote)).put(RUN, b"one", RICH)
    store = opened(somewhere, remote=str(remote))
    assert (store.get(RUN), store.newest("results", 1)) == (b"one", (Listing(RUN, as_listed(RICH)),))


def overtaking(monkeypatch: pytest.MonkeyPatch, times: int, write: Callable[[int], object]) -> None:
    """Let somebody else write between the commits of a store and its pushes, so many times."""
    original, count = Branch.push, 0

    def push(branch: Branch, committed: str, over: str | None) -> PublishFailed | None:
        nonlocal count
        if count < times:
            count += 1
            with monkeypatch.context() as patch:
                patch.setattr(Branch, "push", original)
                write(count)
        return original(branch, committed, over)

    monkeypatch.setattr(Branch, "push", push)


def test_a_write_that_others_overtake_is_made_again_on_top_of_theirs(
    somewhere: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened(somewhere, remote=str(remote)), opened(somewhere, remote=str(remote))
    overtaking(monkeypatch, 3, lambda number: other.put(f"{DAY}/{number}", b"x", ENTRY))
    store.put(RUN, b"one", RICH, condition="absent")
    assert [listing.key for listing in store.list()] == [f"{DAY}/{name}" for name in (1, 2, 3)] + [RUN]


def test_a_write_goes_on_after_the_branch_was_compacted_or_deleted(
    somewhere: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = opened(somewhere, remote=str(remote)), opened(somewhere, remote=str(remote))
    store.put("a", b"one")
    store.put("b", b"two")
    overtaking(monkeypatch, 1, lambda _: other.compact())
    store.put("c", b"three")
    assert [listing.key for listing in other.list()] == ["a", "b", "c"]
    assert git(remote, "rev-list", "--count", ADDRESS.branch) == "2"
    overtaking(monkeypatch, 1, lambda _: git(remote, "update-ref", "-d", f"refs/heads/{ADDRESS.branch}"))
    store.put("d", b"four")
    assert [listing.key for listing in other.list()] == ["d"]


def test_a_writer_that_is_always_overtaken_gives_up(
    somewhere: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    around = replace(surroundings(somewhere), sleep=rests.append)
    store = open_git(ADDRESS, GitSettings(remote=str(remote), tries=3), around)
    other = opened(somewhere, remote=str(remote))
    overtaking(monkeypatch, 99, lambda number: other.put(f"{DAY}/{number}", b"x"))
    with pytest.raises(PublishFailed, match="others wrote to the branch all the time, 3 times in a row"):
        store.put(RUN, b"one")
    assert len(rests) == 2
    assert all(0 <= rest <= 5 for rest in rests)


def test_a_branch_whose_name_is_taken_is_told_at_once(somewhere: Path, remote: Path) -> None:
    rests: list[float] = []
    around = replace(surroundings(somewhere), sleep=rests.append)
    opened(somewhere, remote=str(remote)).put(RUN, b"one")
    below = open_git(GitAddress(f"{ADDRESS.branch}/bench"), GitSettings(remote=str(remote)), around)
    with pytest.raises(PublishFailed, match="another branch has this name, or the beginning of it"):
        below.put(RUN, b"one")
    assert rests == []


def test_a_lock_that_nobody_gives_back_is_told_in_gits_words(somewhere: Path, remote: Path) -> None:
    rests: list[float] = []
    around = replace(surroundings(somewhere), sleep=rests.append)
    store = open_git(ADDRESS, GitSettings(remote=str(remote)), around)
    store.put(RUN, b"one")
    lock = remote / "refs" / "heads" / f"{ADDRESS.branch}.lock"
    lock.touch()
    with pytest.raises(PublishFailed, match="another git is at work in the repository, or one was killed there"):
        store.put("b", b"two")
    assert 0 < len(rests) < 12
    lock.unlink()
    store.put("b", b"two")


def test_compaction_leaves_one_commit_and_everything_that_is_stored(somewhere: Path, remote: Path) -> None:
    store = opened(somewhere, remote=str(remote))
    with pytest.raises(NotStored, match="there is no such branch"):
        store.compact()
    for number in range(3):
        store.put("baselines/main", str(number).encode(), ENTRY)
    store.put(RUN, b"one", RICH)
    before = store.list()
    store.compact()
    assert git(remote, "rev-list", "--count", ADDRESS.branch) == "1"
    compacted = git(remote, "rev-parse", ADDRESS.branch)
    store.compact()
    assert git(remote, "rev-parse", ADDRESS.branch) == compacted
    assert (store.list(), store.get("baselines/main")) == (before, b"2")
    assert opened(somewhere, remote=str(remote)).list() == before


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"{", StoreDamaged, "this is not the index of a store"),
        (b'{"schema_version": 2}', StoreProblem, "schema_version 2"),
    ],
)
def test_an_entry_that_is_damaged_or_newer_is_told_with_its_place(
    alone: Path, data: bytes, error: type[Exception], words: str
) -> None:
    store = opened(alone)
    store.put(RUN, b"one", ENTRY)
    overwrite(store, {ENTRY_FILE: data})
    acts: tuple[Callable[[], object], ...] = (store.list, lambda: store.newest("results", 1))
    for act in acts:
        with pytest.raises(error, match=words) as caught:
            act()
        assert ENTRY_FILE.removeprefix("api/chat/") in str(caught.value)
    assert store.get(RUN) == b"one"
    store.put(RUN, b"one", ENTRY)
    assert store.list() == (Listing(RUN, ENTRY),)


def overwrite(store: GitStore, files: dict[str, bytes | None]) -> None:
    branch = store._branch  # noqa: SLF001 a foreign hand writes the branch
    tip = branch.tip()
    assert branch.push(branch.commit(tip, files, "by hand").commit, tip) is None


def test_a_key_that_is_a_folder_is_not_written_and_nothing_is_lost(alone: Path) -> None:
    store = opened(alone)
    store.put("runs/1", b"one", ENTRY)
    for key in ("runs", "runs/1/2"):
        with pytest.raises(PublishFailed, match="a folder and a file would have the same name"):
            store.put(key, b"two", ENTRY)
    assert store.list() == (Listing("runs/1", ENTRY),)


def test_files_that_no_store_put_there_are_not_listed(alone: Path) -> None:
    store = opened(alone)
    store.put("a", b"one", ENTRY)
    overwrite(store, {"README.md": b"of the branch", "api/chat/index.json": b"{}", "api/chat/.x/y": b"z"})
    assert store.list() == (Listing("a", ENTRY),)


def log(repository: Path, form: str) -> str:
    return git(repository, "log", "-1", f"--format={form}", ADDRESS.branch)


@pytest.mark.parametrize(
    ("environment", "author"),
    [
        ({"GITHUB_ACTIONS": "true"}, BOT),
        ({"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}, "Ada <ada@example.org>"),
        ({"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.useConfigOnly", "GIT_CONFIG_VALUE_0": "true"}, NOBODY),
    ],
)
def test_commits_are_made_by_the_bot_by_who_git_says_or_by_nobody(
    alone: Path, environment: dict[str, str], author: str
) -> None:
    store = opened(alone, **environment)
    store.put(RUN, b"one")
    assert log(alone, "%an <%ae> %cn <%ce>") == f"{author} {author}"
    assert log(alone, "%s") == f"Store {RUN}"
    store.put(RUN, b"two")
    store.compact()
    assert log(alone, "%an <%ae> %cn <%ce>") == f"{author} {author}"


def test_an_author_can_be_set_and_must_be_one(alone: Path) -> None:
    store = open_git(ADDRESS, GitSettings(author="Bench <b@example.org>"), surroundings(alone))
    store.put(RUN, b"one")
    assert log(alone, "%an <%ae>") == "Bench <b@example.org>"
    for text in ("Bench", "Bench <>", "a\nb <c>", "<b@example.org>"):
        with pytest.raises(UsageProblem, match="is no author of a commit"):
            open_git(ADDRESS, GitSettings(author=text), surroundings(alone))


def test_a_folder_without_a_repository_a_remote_that_is_not_there_and_no_git_are_told(
    tmp_path: Path, clone: Path
) -> None:
    with pytest.raises(UsageProblem, match="there is no git repository here"):
        opened(tmp_path)
    git(clone, "remote", "rename", "origin", "upstream")
    with pytest.raises(UsageProblem, match=r"has no remote 'origin'\n.*upstream"):
        opened(clone)
    with pytest.raises(UsageProblem, match="has no remote 'upstraem'"):
        opened(clone, remote="upstraem")
    opened(clone, remote="upstream").put(RUN, b"one")
    with pytest.raises(UsageProblem, match="git is not installed"):
        opened(clone, PATH=str(tmp_path))


def test_a_git_that_does_not_answer_is_not_waited_for(clone: Path) -> None:
    (clone / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (clone / "git").chmod(0o755)
    around = surroundings(clone, PATH=f"{clone}:{os.environ['PATH']}")
    with pytest.raises(PublishFailed, match=r"git rev-parse did not answer within 0\.1 s"):
        open_git(ADDRESS, GitSettings(timeout_s=0.1), around)


def test_a_remote_that_hangs_is_given_up_with_every_process_that_git_started(clone: Path) -> None:
    (clone / "ssh").write_text(f"#!/bin/sh\necho $$ > {clone}/pid\nsleep 60\n")
    (clone / "ssh").chmod(0o755)
    around = surroundings(clone, GIT_SSH=str(clone / "ssh"))
    store = open_git(ADDRESS, GitSettings(remote="ssh://host.example.org/r.git", timeout_s=2), around)
    began = time.monotonic()
    with pytest.raises(PublishFailed, match="git fetch did not answer within 2 s"):
        store.list()
    assert time.monotonic() - began < 30
    assert is_gone(int((clone / "pid").read_text()))


def is_gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'GH006: Protected branch update failed' >&2; exit 1", "the server protects this branch"),
        ("echo 'no results here, please' >&2; exit 1", "a hook of the server declined the push"),
    ],
)
def test_a_server_that_declines_is_told_in_its_own_words(
    somewhere: Path, remote: Path, script: str, words: str
) -> None:
    hook(remote, "pre-receive", script=script)
    with pytest.raises(PublishFailed, match=words) as caught:
        opened(somewhere, remote=str(remote)).put(RUN, b"one", ENTRY)
    assert script.split("'")[1] in caught.value.message


def test_a_server_that_lets_nobody_rewrite_refuses_the_compaction_alone(somewhere: Path, remote: Path) -> None:
    git(remote, "config", "receive.denyNonFastForwards", "true")
    store = opened(somewhere, remote=str(remote))
    store.put(RUN, b"one")
    store.put(RUN, b"two", ENTRY)
    with pytest.raises(PublishFailed, match="the server lets nobody rewrite this branch"):
        store.compact()
    assert store.list() == (Listing(RUN, ENTRY),)


def test_a_push_whose_answer_got_lost_is_known_again(clone: Path, remote: Path) -> None:
    broken = clone.parent / "receive"
    broken.write_text('#!/bin/sh\ngit-receive-pack "$@"\nexit 1\n')
    broken.chmod(0o755)
    git(clone, "config", "remote.origin.receivepack", str(broken))
    store = opened(clone)
    store.put(RUN, b"one", ENTRY, condition="absent")
    assert store.list() == (Listing(RUN, ENTRY),)
    assert git(remote, "rev-list", "--count", ADDRESS.branch) == "1"


class Refusing(BaseHTTPRequestHandler):
    """A server that answers every request with one status, and remembers what it was sent."""

    status = 500
    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers["Authorization"])
        self.send_response(self.status)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[str | None]]]:
    seen: list[str | None] = []
    handler = type("Handler", (Refusing,), {"status": request.param, "seen": seen})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/r.git", seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("refusing", "words"),
    [
        (401, "asks for credentials, and there are none that it takes"),
        (403, "the credentials do not allow this"),
        (404, "there is no such repository, or these credentials do not show it"),
        (502, "the remote cannot be reached"),
    ],
    indirect=["refusing"],
)
def test_a_remote_that_refuses_is_told_with_what_to_do_and_no_password(
    clone: Path, refusing: tuple[str, list[str | None]], words: str
) -> None:
    url, _ = refusing
    for remote in (url, url.replace("//", "//ann:hunter2@")):
        with pytest.raises(PublishFailed, match=words) as caught:
            opened(clone, remote=remote).list()
        assert caught.value.hint
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("refusing", [403], indirect=True)
def test_the_credentials_of_the_repository_are_used(clone: Path, refusing: tuple[str, list[str | None]]) -> None:
    url, seen = refusing
    git(clone, "remote", "set-url", "origin", "forge:r.git")
    git(clone, "config", f"url.{url.removesuffix('r.git')}.insteadOf", "forge:")
    git(clone, "config", f"http.{url}.extraheader", "AUTHORIZATION: basic c2VjcmV0")
    with pytest.raises(PublishFailed, match="the credentials do not allow this"):
        opened(clone).list()
    assert seen == ["basic c2VjcmV0"]


def test_a_remote_that_is_not_there_is_told(clone: Path) -> None:
    for remote, words in (("../nowhere.git", "there is no such repository"), ("http://127.0.0.1:9/r", "be reached")):
        with pytest.raises(PublishFailed, match=words):
            opened(clone, remote=remote).list()
