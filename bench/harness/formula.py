# SPDX-License-Identifier: Apache-2.0
"""What a goal measures, as arithmetic over the figures of one round: "engine.cpu_ns / floor.cpu_ns".

Numbers, RUN.FIGURE, + - * / and parentheses; nothing else, so that a scenario file is data."""
import ast
import operator

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def parse(text):
    """The formula's tree. ValueError if it is none."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"{text!r} is no formula") from None
    list(terms(tree))  # every part is looked at
    return tree


def terms(tree):
    """Each (run, figure) of the formula."""
    if isinstance(tree, ast.BinOp) and type(tree.op) in OPERATORS:
        yield from terms(tree.left)
        yield from terms(tree.right)
    elif isinstance(tree, ast.Attribute) and isinstance(tree.value, ast.Name):
        yield tree.value.id, tree.attr
    elif not (isinstance(tree, ast.Constant) and type(tree.value) in (int, float)):
        raise ValueError("only numbers, RUN.FIGURE, + - * / and parentheses")


def value(tree, figures):
    """The formula's value with figures[run][figure]; KeyError if one is missing, ZeroDivisionError."""
    if isinstance(tree, ast.BinOp):
        return OPERATORS[type(tree.op)](value(tree.left, figures), value(tree.right, figures))
    if isinstance(tree, ast.Constant):
        return tree.value
    return figures[tree.value.id][tree.attr]
