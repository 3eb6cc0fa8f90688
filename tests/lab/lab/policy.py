"""IAM policies: whether a document allows an action on a resource."""

import re


def allows(document, action, resource, context):
    """An explicit Deny wins; else some statement must allow. `context` holds lists of values by condition key."""
    allowed = False
    for statement in _list(document["Statement"]):
        if not _concerns(statement, action, resource, context):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def _concerns(statement, action, resource, context):
    if "Action" in statement:
        acts = any(_like(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
    else:
        acts = not any(_like(pattern.lower(), action.lower()) for pattern in _list(statement["NotAction"]))
    if "Resource" in statement:
        meant = any(_like(pattern, resource) for pattern in _list(statement["Resource"]))
    else:
        meant = not any(_like(pattern, resource) for pattern in _list(statement["NotResource"]))
    return acts and meant and _conditions(statement.get("Condition", {}), context)


def _conditions(conditions, context):
    keys = {key.lower(): values for key, values in context.items()}
    return all(
        _holds(operator, keys.get(key.lower()), [str(value) for value in _list(wanted)])
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _holds(operator, values, wanted):
    if operator == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    if operator.startswith("ForAllValues:"):
        return all(_test(operator.split(":")[1], value, wanted) for value in values or [])
    if operator.startswith("ForAnyValue:"):
        return any(_test(operator.split(":")[1], value, wanted) for value in values or [])
    if operator.endswith("IfExists"):
        return values is None or _holds(operator.removesuffix("IfExists"), values, wanted)
    if values is None:
        return "Not" in operator
    return all(_test(operator, value, wanted) for value in values)


def _test(operator, value, wanted):
    negative, operator = "Not" in operator, operator.replace("Not", "")
    tests = {
        "StringEquals": lambda pattern: value == pattern,
        "StringEqualsIgnoreCase": lambda pattern: value.lower() == pattern.lower(),
        "StringLike": lambda pattern: _like(pattern, value),
        "ArnEquals": lambda pattern: _like(pattern, value),
        "ArnLike": lambda pattern: _like(pattern, value),
        "Bool": lambda pattern: value.lower() == pattern.lower(),
        "NumericEquals": lambda pattern: float(value) == float(pattern),
        "NumericLessThanEquals": lambda pattern: float(value) <= float(pattern),
    }
    if operator not in tests:
        raise ValueError(f"the lab does not know the condition operator {operator}")
    return any(tests[operator](pattern) for pattern in wanted) != negative


def _like(pattern, text):
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _list(value):
    return value if isinstance(value, list) else [value]
