"""The stubs say what is there: names, parameters, defaults, and the keywords of every configuration."""

import ast
import inspect
import pathlib
import types

import pytest

import phy_sec

PACKAGE = pathlib.Path(phy_sec.__file__).parent
MODULES = {path.stem: path for path in PACKAGE.glob("*.pyi")}
# TypedDict to the name that `defaults` knows.
CONFIGURATIONS = {
    "__init__.StftConfig": "stft",
    "__init__.BurstConfig": "bursts",
    "jamming.Config": "jamming",
    "jamming.ArrayConfig": "array",
    "keygen.Config": "keygen",
    "keygen.RandomnessConfig": "randomness",
    "fingerprint.MeasureConfig": "fingerprint",
    "fingerprint.EnrollConfig": "enroll",
    "fingerprint.EvaluateConfig": "evaluate",
    "sim.FadingConfig": "fading",
    "sim.Impairments": "impairments",
    "sim.LinkConfig": "link",
    "sim.Injection": "injection",
    "sim.Wifi": "wifi",
    "sim.NrComb": "nr_comb",
    "sim.SingleCarrier": "single_carrier",
    "sim.Gfsk": "gfsk",
    "sim.Lora": "lora",
    "sim.Ook": "ook",
}
# Keywords of a configuration that its functions take as arguments of their own.
ARGUMENTS = {
    "jamming": {"sample_rate"},
    "keygen": {"eve"},
    "fingerprint": {"enroll", "split", "folds"},
}


def module(stem):
    return phy_sec if stem == "__init__" else getattr(phy_sec, stem)


def public(names):
    return {name for name in names if not name.startswith("_")}


def stub(stem):
    """Functions and classes that the stub of a module declares, by name; TypedDicts apart."""
    tree = ast.parse(MODULES[stem].read_text())
    nodes = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    typed = {
        name: node
        for name, node in nodes.items()
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "TypedDict" for base in node.bases)
    }
    return {name: node for name, node in nodes.items() if name not in typed}, typed


def parameters(function, skip_first=False):
    """The parameters of a stub's function as `inspect` would write them, without types."""
    given = function.args
    literal = lambda node: inspect.Parameter.empty if node is None else ast.literal_eval(node)
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    listed = [(arg.arg, "POSITIONAL_OR_KEYWORD", literal(default)) for arg, default in zip(positional, defaults)]
    listed += [(arg.arg, "KEYWORD_ONLY", literal(d)) for arg, d in zip(given.kwonlyargs, given.kw_defaults)]
    if given.kwarg:
        listed.append((given.kwarg.arg, "VAR_KEYWORD", inspect.Parameter.empty))
    return listed[1:] if skip_first else listed


def actual(function, skip_self=False):
    listed = [(p.name, p.kind.name, p.default) for p in inspect.signature(function).parameters.values()]
    return listed[1:] if skip_self else listed


@pytest.mark.parametrize("stem", MODULES)
def test_names(stem):
    declared, _ = stub(stem)
    there = {
        name
        for name, value in vars(module(stem)).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(declared) == there


def declarations():
    for stem in MODULES:
        for name, node in stub(stem)[0].items():
            yield pytest.param(getattr(module(stem), name), node, id=f"{stem}.{name}")


@pytest.mark.parametrize("thing, node", list(declarations()))
def test_signatures_and_docstrings(thing, node):
    if isinstance(node, ast.FunctionDef):
        assert parameters(node) == actual(thing)
        for heading in ["Parameters", "Returns"]:
            if heading == "Returns" or parameters(node):
                assert f"\n{heading}\n-----" in thing.__doc__, heading
        for name, kind, _ in parameters(node):
            assert ("**config" if kind == "VAR_KEYWORD" else name) in thing.__doc__, name
        return
    assert thing.__doc__ and thing.__module__.split(".")[0] == "phy_sec"
    if issubclass(thing, Exception):
        assert node.bases[0].id == thing.__bases__[0].__name__
        return
    methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
    assert public(methods) == public(vars(thing))
    if "__new__" in methods:
        assert parameters(methods["__new__"], skip_first=True) == actual(thing)
    for name, method in methods.items():
        if name.startswith("_"):
            continue
        there = inspect.getattr_static(thing, name)
        assert there.__doc__, name
        if any(getattr(decorator, "id", "") == "property" for decorator in method.decorator_list):
            assert inspect.isgetsetdescriptor(there) or inspect.ismemberdescriptor(there), name
        else:
            assert parameters(method, skip_first=True) == actual(there, skip_self=True), name


def test_configurations():
    """Each TypedDict names the keywords that the library takes, and the library's defaults name them all."""
    seen = set()
    for stem in MODULES:
        for name, node in stub(stem)[1].items():
            of = CONFIGURATIONS.get(f"{stem}.{name}")
            if of is None:
                continue  # a part of another one
            seen.add(of)
            declared = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
            assert declared == set(phy_sec.defaults(of)) - ARGUMENTS.get(of, set()), name
    assert seen == set(CONFIGURATIONS.values())
    with pytest.raises(phy_sec.InputError) as caught:
        phy_sec.defaults("")
    for of in seen:
        assert f'"{of}"' in str(caught.value)


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()
