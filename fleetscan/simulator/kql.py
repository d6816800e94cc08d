"""The part of Resource Graph's query language that an inventory needs, read and evaluated honestly.

`resources | where a =~ 'x' and b != 'y' | extend c = tostring(p.q) | project a, d = p.q | order by a asc`;
the tables of patches by themselves or joined by one `union`; `in~`, `!in~`, `startswith`, `!startswith`,
`contains`, `isempty`, `or` and parentheses; `summarize n = count() by a = b`. Everything else is a syntax
error, never a guess. Columns are checked while reading, rows are not touched. A backslash in a literal is
refused unless the literal is verbatim, @'it''s \\', where it means itself.
"""

from __future__ import annotations

import re

from fleetscan.simulator.query import (
    Query,
    SortBy,
    Step,
    Summary,
    Test,
    Value,
    as_text,
    begins_with,
    comparison,
    holds,
    is_among,
    is_not,
    lower_value,
    path_value,
    text_value,
    without_case,
)

COLUMNS = frozenset(
    (
        "id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy",
        "sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation",
    )
)  # fmt: skip
PATCH_TABLES = ("patchinstallationresources", "patchassessmentresources")
MAINTENANCE_TABLE = "maintenanceresources"

_QUOTES = ("'", '"', "@")
# The word of the recorded error.
_END = "<EOF>"
_TOKEN = re.compile(
    r"\s*(@'(?:[^'\r\n]|'')*'|@\"(?:[^\"\r\n]|\"\")*\"|'[^'\\\r\n]*'|\"[^\"\\\r\n]*\"|!?in~|!startswith"
    r"|[A-Za-z_]\w*|\d+|==|=~|!=|!~|[|=.,()\[\]~])"
)


class QueryError(Exception):
    """A query that cannot be read. `position` counts from 0; `column` is one that does not exist."""

    def __init__(self, token: str, position: int, column: str | None = None) -> None:
        super().__init__(f"cannot read {token!r} at {position}")
        self.token = token
        self.position = position
        self.column = column


def read_query(text: str) -> Query:
    """Reads a query over `resources`, or over the tables of patches; raises QueryError."""
    return _Reader(text).query()


class _Reader:
    """Recursive descent over the tokens; `_columns` are those visible at this point of the pipeline."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, int]] = []
        self._place = 0
        self._columns = set(COLUMNS)
        self._steps: list[Step] = []
        self._order: tuple[SortBy, ...] = ()
        self._order_at = 0
        self._unknown: QueryError | None = None
        self._summary: Summary | None = None
        self._types: frozenset[str] | None = None
        self._id_prefixes: tuple[str, ...] = ()
        at, text = 0, text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                skipped = text[at:].lstrip()
                raise QueryError(skipped[0], len(text) - len(skipped))
            self._tokens.append((found[1], found.start(1)))
            at = found.end()
        self._tokens.append((_END, len(text)))

    def query(self) -> Query:
        tables = self._tables()
        # The table may be left out, as in the recorded `project id`.
        if not tables:
            self._operator()
        while self._skip("|"):
            self._operator()
        if self._peek() != _END:
            raise self._error()
        if self._unknown is not None:
            raise self._unknown
        order, steps = (self._order, self._order_at), tuple(self._steps)
        return Query(steps, *order, tables or ("resources",), self._types, self._id_prefixes, self._summary)

    def _tables(self) -> tuple[str, ...]:
        if self._skip("resources"):
            return ("resources",)
        if self._skip(MAINTENANCE_TABLE):
            return (MAINTENANCE_TABLE,)
        for first, second in (PATCH_TABLES, PATCH_TABLES[::-1]):
            if self._skip(first):
                if self._peek() == "|" and self._is_before("union"):
                    self._place += 2
                    self._need(second)
                    return first, second
                return (first,)
        return ()

    def _operator(self) -> None:
        match self._peek().lower():
            case "order" | "sort":
                self._next()
                self._need("by")
                self._order_by()
            case _ if self._summary is not None:
                # Only an order comes after it.
                raise self._error()
            case "where":
                self._next()
                self._where()
            case "summarize":
                self._next()
                self._summarize()
            case "extend":
                self._next()
                self._extend()
            case "project":
                self._next()
                self._project()
            case _:
                raise self._error()

    def _where(self) -> None:
        is_shown = self._alternatives()
        self._steps.append(lambda row: row if is_shown(row) else None)

    def _alternatives(self) -> Test:
        """Tests with `or` between them, which binds less than `and`."""
        outside = self._types, self._id_prefixes
        self._rule_out_none()
        tests = [self._together()]
        types, prefixes = self._types, self._id_prefixes
        while self._skip("or"):
            # What one of several rules out, another may show.
            self._rule_out_none()
            tests.append(self._together())
            types = None if types is None or self._types is None else types | self._types
            prefixes = prefixes + self._id_prefixes if prefixes and self._id_prefixes else ()
        self._types = outside[0] if types is None else types
        self._id_prefixes = prefixes or outside[1]
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _rule_out_none(self) -> None:
        self._types, self._id_prefixes = None, ()

    def _together(self) -> Test:
        tests = [self._test()]
        while self._skip("and"):
            tests.append(self._test())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _test(self) -> Test:
        if self._skip("("):
            inner = self._alternatives()
            self._need(")")
            return inner
        if self._peek().lower() == "isempty" and self._is_before("("):
            self._next()
            self._need("(")
            value = self._value()
            self._need(")")
            return lambda row: as_text(value(row)) == ""
        return self._comparison()

    def _summarize(self) -> None:
        count = self._word()
        for word in ("=", "count", "(", ")", "by"):
            self._need(word)
        key = self._word()
        self._need("=")
        self._summary = Summary(count, key, self._value())
        self._columns = {count, key}

    def _extend(self) -> None:
        added = self._assignments()
        self._columns |= added.keys()
        self._steps.append(lambda row: row | {name: value(row) for name, value in added.items()})

    def _project(self) -> None:
        shown = self._assignments()
        self._columns = set(shown)
        self._steps.append(lambda row: {name: value(row) for name, value in shown.items()})

    def _order_by(self) -> None:
        keys = [self._sort_key()]
        while self._skip(","):
            keys.append(self._sort_key())
        self._order, self._order_at = tuple(keys), len(self._steps)

    def _sort_key(self) -> SortBy:
        column = self._column()
        # Kusto sorts downwards unless told.
        return SortBy(column, not self._skip("asc") and (self._skip("desc") or True))

    def _assignments(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while True:
            name = self._peek()
            if self._is_before("="):
                self._word()
                self._need("=")
                found[name] = self._value()
            else:
                found[name] = path_value([self._column()])
            if not self._skip(","):
                return found

    def _comparison(self) -> Test:
        first = self._place
        left = self._value()
        # What the first step asks of a column of the table itself rules rows out before they are made.
        column = self._tokens[first][0] if self._place == first + 1 and not self._steps else ""
        match self._next():
            case "=~" if column == "type" and self._peek()[0] in _QUOTES:
                text = self._quoted()
                self._types = frozenset({without_case(text)})
                return comparison(left, "=~", lambda row: text)
            case "==" | "=~" | "!=" | "!~" as sign:
                return comparison(left, sign, self._value())
            case "in~":
                return self._among(left, column)
            case "!in~":
                return is_not(self._among(left, ""))
            case "startswith":
                prefix = without_case(self._quoted())
                self._id_prefixes = (prefix,) if column == "id" else self._id_prefixes
                return begins_with(left, prefix)
            case "!startswith":
                return is_not(begins_with(left, without_case(self._quoted())))
            case "contains":
                return holds(left, without_case(self._quoted()))
            case _:
                self._place -= 1
                raise self._error()

    def _among(self, left: Value, column: str) -> Test:
        self._need("(")
        texts = {without_case(self._quoted())}
        while self._skip(","):
            texts.add(without_case(self._quoted()))
        self._need(")")
        self._types = frozenset(texts) if column == "type" else self._types
        return is_among(left, frozenset(texts))

    def _value(self) -> Value:
        token = self._peek()
        if token[0] in _QUOTES:
            text = self._quoted()
            return lambda row: text
        if token.lower() in ("tostring", "tolower") and self._is_before("("):
            self._next()
            self._need("(")
            inner = self._value()
            self._need(")")
            return lower_value(inner) if token.lower() == "tolower" else text_value(inner)
        return self._dotted()

    def _dotted(self) -> Value:
        names = [self._column()]
        while True:
            if self._skip("."):
                names.append(self._word())
            elif self._skip("["):
                names.append(self._quoted())
                self._need("]")
            else:
                return path_value(names)

    def _column(self) -> str:
        place, name = self._place, self._word()
        if name not in self._columns and self._unknown is None:
            # Named once the syntax has turned out to be sound, as Resource Graph does.
            self._unknown = QueryError(name, self._tokens[place][1], column=name)
        return name

    def _quoted(self) -> str:
        if self._peek()[0] not in _QUOTES:
            raise self._error()
        token = self._next()
        if not token.startswith("@"):
            return token[1:-1]
        return token[2:-1].replace(token[1] * 2, token[1])

    def _word(self) -> str:
        if not re.match(r"[A-Za-z_]", self._peek()):
            raise self._error()
        return self._next()

    def _peek(self) -> str:
        return self._tokens[self._place][0]

    def _is_before(self, sign: str) -> bool:
        return self._peek() != _END and self._tokens[self._place + 1][0] == sign

    def _next(self) -> str:
        token = self._peek()
        if token == _END:
            raise self._error()
        self._place += 1
        return token

    def _skip(self, word: str) -> bool:
        if self._peek().lower() != word:
            return False
        self._place += 1
        return True

    def _need(self, word: str) -> None:
        if not self._skip(word):
            raise self._error()

    def _error(self) -> QueryError:
        return QueryError(*self._tokens[self._place])
