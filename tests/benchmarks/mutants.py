"""The mutants of a module: an operator, comparison, condition, loop or truth value changed.

Numbers, names and texts stay.  `mutation.py` tries them on the tests.
"""

import ast

# What each operator becomes.
TURNED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
TURNED |= {ast.Pow: ast.Mult, ast.Mod: ast.Mult, ast.FloorDiv: ast.Mult, ast.MatMult: ast.Mult}
TURNED |= {ast.And: ast.Or, ast.Or: ast.And, ast.USub: ast.UAdd}
COMPARED = {ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Eq: (ast.NotEq,)}
COMPARED |= {ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt), ast.NotEq: (ast.Eq,)}
COMPARED |= {ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}


def negated(test):
    """What negates a condition and is not a turned operator already."""
    turned = isinstance(test, ast.Compare) and len(test.ops) == 1
    return [] if turned else [ast.UnaryOp(ast.Not(), test)]


def changes(node):
    """The mutants of a node: each an attribute and what it becomes."""
    match node:
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp() | ast.UnaryOp():
            if other := TURNED.get(type(node.op)):
                yield "op", other()
        case ast.Compare():
            for i, op in enumerate(node.ops):
                for other in COMPARED[type(op)]:
                    yield "ops", [*node.ops[:i], other(), *node.ops[i + 1 :]]
        case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
            yield from (("test", test) for test in negated(node.test))
        case ast.comprehension():
            for i, test in enumerate(node.ifs):
                for other in negated(test):
                    yield "ifs", [*node.ifs[:i], other, *node.ifs[i + 1 :]]
        case ast.For():
            yield "iter", ast.List([], ast.Load())
        case ast.Constant(value=bool(value)):
            yield "value", not value


def lines_of(statement):
    """First and last line; of a compound statement those of its head."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno
    return statement.lineno, max(statement.lineno, last)


def mutants(path, name):
    """All mutants of a module: which node and what of it, its statement's lines, texts to show."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owners = {tree: tree}  # the statement of each node
    inside = {tree: False}  # a function, so that it does not run when the module is imported
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            owners[child] = child if isinstance(child, ast.stmt) else owners[node]
            body = isinstance(node, ast.FunctionDef) and child in node.body
            inside[child] = inside[node] or body
    for place, node in enumerate(ast.walk(tree)):
        for number, (field, value) in enumerate(changes(node)):
            whole, kept = owners[node], getattr(node, field)
            before = ast.unparse(whole).splitlines()
            setattr(node, field, value)
            after = ast.unparse(whole).splitlines()
            setattr(node, field, kept)
            before, after = next(
                pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]
            )
            kind = "constant" if field == "value" else "operator"
            line = getattr(node, "lineno", lines_of(whole)[0])
            yield {"module": name, "place": place, "number": number, "kind": kind,
                   "line": line, "lines": lines_of(whole), "inside": inside[node],
                   "before": before, "after": after}  # fmt: skip


def mutated(text, mutant):
    """The module's text with the change made."""
    tree = ast.parse(text)
    node = list(ast.walk(tree))[mutant["place"]]
    setattr(node, *list(changes(node))[mutant["number"]])
    return ast.unparse(ast.fix_missing_locations(tree))
