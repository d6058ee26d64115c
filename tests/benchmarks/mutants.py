"""The mutants of a module, made by cosmic-ray: an operator, comparison, condition, loop or truth
value changed.  Numbers, names and texts stay.  `mutation.py` tries them on the tests.
"""

import re

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

# Left out is what fails of itself or says little: bits of a float, order for equality, decorators.
SUM, ORDER = "(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)", "(Lt|LtE|Gt|GtE)"
OPERATORS = rf"""core/(ReplaceBinaryOperator_{SUM}_{SUM}
    |ReplaceComparisonOperator_({ORDER}_{ORDER}|Eq_NotEq|NotEq_Eq|Is_IsNot|IsNot_Is)
    |ReplaceUnaryOperator_(USub_UAdd|Delete_Not)|AddNot|ZeroIterationForLoop
    |Replace(TrueWithFalse|FalseWithTrue|AndWithOr|OrWithAnd))"""
HEADS = "suite|file_input|(if|while|for|with)_stmt|funcdef|classdef"


def mutants(path, name):
    """All mutants of a module: the operator and its occurrence, and the lines of the statement."""
    tree = get_ast(path.read_text(encoding="utf-8"))
    for operator in operator_names():
        if re.fullmatch(OPERATORS, operator, re.VERBOSE):
            find = get_operator(operator)().mutation_positions
            starts = (start for node in ast_nodes(tree) for start, _ in find(node))
            for occurrence, start in enumerate(starts):
                node = tree.get_leaf_for_position(start)
                while not re.fullmatch(HEADS, node.parent.type):
                    node = node.parent  # up to a statement, or a part of its head
                # A function's body does not run when the module is imported; its head does.
                within = node if node.parent.type != "funcdef" else node.parent
                yield {"module": name, "operator": operator, "occurrence": occurrence,
                       "start": start, "lines": (node.start_pos[0], node.end_pos[0]),
                       "inside": bool(within.search_ancestor("funcdef"))}  # fmt: skip


def mutated(text, mutant):
    """The module's text with the change made; None where that is not Python."""
    code = mutate_code(text, get_operator(mutant["operator"])(), mutant["occurrence"])
    try:
        compile(code, mutant["module"], "exec")
    except SyntaxError:  # `*options` for `**options`
        return None
    return code
