from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from lens_gate.config.index import KeyPath
from lens_gate.config.merge import merge
from lens_gate.config.tree import Parsed, Tree

names = st.text("abc", min_size=1, max_size=2)
leaves = st.integers() | st.booleans() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
trees = st.dictionaries(
    names, st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3)), max_size=4
)


def cut(tree: Tree, path: KeyPath, files: list[Tree], choose: list[int]) -> None:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            cut(value, (*path, name), files, choose)
            continue
        choose.append(choose.pop(0))
        node = files[choose[0]]
        for step in path:
            child = node.setdefault(str(step), {})
            assert isinstance(child, dict)
            node = child
        node[name] = value


@given(trees, st.lists(st.integers(0, 2), min_size=5, max_size=9))
def test_a_tree_cut_into_three_files_merges_back_to_itself(tree: Tree, choose: list[int]) -> None:
    files: list[Tree] = [{}, {}, {}]
    cut(tree, (), files, choose)
    before = copy.deepcopy(files)
    merged = merge([Parsed(f"{index}.yaml", part) for index, part in enumerate(files)])
    assert merged.tree == tree
    assert merged.problems == []
    assert files == before


@given(trees, trees)
def test_whatever_two_files_both_set_is_a_problem_and_the_first_stands(one: Tree, other: Tree) -> None:
    merged = merge([Parsed("a", one), Parsed("b", other)])
    assert bool(merged.problems) == clash(one, other)
    for name, value in one.items():
        if not isinstance(value, dict):
            assert merged.tree[name] == value


def clash(one: JsonValue, other: JsonValue) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return any(clash(one[name], other[name]) for name in one.keys() & other.keys())
    return True
