"""The rules of the tree that need no compiler: who may include whom, what is portable, line lengths, sizes.

Each check_* takes the root of a tree and its files, and gives a list of problems: "file:line: what, and what to do".
tools/check_test.py proves each on a made-up tree.
"""
import os
import posixpath
import re

CPP = (".cpp", ".h", ".inc.h")
WEB = (".ts", ".mts", ".tsx", ".mjs", ".js")
LINE = 140  # layout is 120 (.clang-format, web/.prettierrc.json); texts and comments the formatters leave may reach 140
MEASURED = (*WEB, ".css")  # C++ is measured by clang-format, which leaves long literals alone
MAX_FILE, MAX_DATA = 4 << 20, 45 << 20
DATA_FOLDERS = ("zoo/", "tests/fixtures/")

# What a portable folder leaves to its host.
HOST_HEADERS = re.compile(
    r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|stop_token|filesystem|fstream"
    r"|iostream|print|cstdio|stdio\.h|random|chrono|ctime|time\.h|csignal|signal\.h|(pthread|threads|sched|semaphore|unistd|fcntl"
    r"|dirent|poll|dlfcn)\.h|blake3\.h"
    r"|(sys|netinet|arpa|curl|dawn|webgpu|openssl)/.*|emscripten.*)")
HOST_NAMES = re.compile(
    r"\bstd::(this_thread|thread|jthread|(shared_|recursive_|timed_)*mutex|condition_variable\w*|async|future|promise|call_once"
    r"|once_flag|(lock_guard|scoped_lock|unique_lock|shared_lock)|stop_(token|source|callback)|\w+_semaphore|latch|barrier"
    r"|filesystem|[io]?fstream|chrono::\w*_clock|random_device|cout|cerr|clog|cin|print(ln)?|time)\b|\b\w+_clock::now\b"
    r"|(?<![\w.>:])(std::|::)?(fopen|v?f?printf|puts|clock_gettime|gettimeofday|(secure_)?getenv|usleep|nanosleep|pthread_\w+|dlopen)\s*\("
    r"|(?<![\w:>.])::(open|read|write|close|time)\s*\(")


def lines_of(root, file):
    with open(f"{root}/{file}", encoding="utf-8", errors="replace") as lines:
        yield from enumerate(lines, 1)


class Layers:
    """layers.txt, read."""

    def __init__(self, root):
        self.rows, self.portable, self.exceptions, self.problems = {}, [], {}, []
        for number, line in lines_of(root, "layers.txt"):
            text, _, reason = (part.strip() for part in line.partition("#"))
            if not text:
                continue
            name, _, words = text.partition(":")
            name, words = name.strip(), words.split()
            if name == "portable":
                self.portable = words
            elif name.startswith("except "):
                self.exceptions[name.split()[1]] = set(words)
                if not reason:
                    self.problems.append(f"layers.txt:{number}: an exception needs its reason after #")
            else:
                self.rows[name] = set(words)

    def owner(self, path):
        """The deepest folder with a row that holds this file or folder, or None."""
        while path:
            if path in self.rows:
                return path
            path = posixpath.dirname(path)
        return None


def is_test(file):
    """Tests run natively and see everything."""
    name = posixpath.basename(file)
    return (name.endswith(("_test.cpp", ".test.ts")) or (name.startswith("test_") and name.endswith(".h"))
            or re.match(r"test[A-Z]\w*\.ts$", name) is not None)


def includes_of(root, file):
    """(line, header, whether it is in quotes)"""
    for number, line in lines_of(root, file):
        match = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
        if match:
            yield number, match[2], match[1] == '"'


def sources(files, layers):
    """(file, its layer) of every C++ file that the table rules."""
    for file in files:
        owner = layers.owner(posixpath.dirname(file))
        if owner is not None and file.endswith(CPP) and not is_test(file):
            yield file, owner


def check_layers(root, files):
    """C++ includes follow the table; portable folders rest on portable folders."""
    layers = Layers(root)
    problems = list(layers.problems)
    for folder in layers.portable:
        if folder not in layers.rows:
            problems.append(f"layers.txt: portable folder {folder} has no row")
        for other in sorted(layers.rows.get(folder, set()) - set(layers.portable)):
            problems.append(f"layers.txt: {folder} is portable and may not include {other}, which is not")
    for file, owner in sources(files, layers):
        for number, header, quoted in includes_of(root, file):
            if not quoted:
                continue
            places = ("include/", "src/", "", posixpath.dirname(file) + "/")
            target = next((p + header for p in places if os.path.isfile(f"{root}/{p}{header}")), None)
            other = layers.owner(posixpath.normpath(target)) if target else None
            if other and other != owner and other not in layers.rows[owner]:
                problems.append(f"{file}:{number}: {owner} may not include {other} (layers.txt)")
    return problems


def check_portable(root, files):
    """Portable folders leave threads, files, clocks and devices to their host; the exceptions are named and needed."""
    layers = Layers(root)
    problems, used = [], {file: set() for file in layers.exceptions}
    for file, owner in sources(files, layers):
        if owner not in layers.portable:
            continue
        for number, header, _ in includes_of(root, file):
            if not HOST_HEADERS.fullmatch(header):
                continue
            if header in layers.exceptions.get(file, ()):
                used[file].add(header)
            else:
                problems.append(f"{file}:{number}: {owner} is portable and may not include <{header}>; "
                                "ask the host (src/host/host.h)")
        for number, line in lines_of(root, file):
            name = HOST_NAMES.search(line.split("//")[0])
            if name and name[0].removeprefix("std::") not in layers.exceptions.get(file, ()):
                problems.append(f"{file}:{number}: {owner} is portable and may not use {name[0].rstrip('( ')}; "
                                "ask the host (src/host/host.h)")
    for file, headers in layers.exceptions.items():
        for header in sorted(headers - used[file]):
            problems.append(f"layers.txt: the exception of {file} for {header} is not needed any more")
    return problems


def check_wasm(root, _files):
    """The browser build compiles every portable folder, whole."""
    path = "cmake/wasm.cmake"
    if not os.path.isfile(f"{root}/{path}"):
        return []
    problems, built = [], set()
    for number, line in lines_of(root, path):
        code = line.split("#")[0]
        if "EXCLUDE" in code:
            problems.append(f"{path}:{number}: portable folders are compiled to WASM whole; move what is native "
                            "to src/host/native instead of leaving it out")
        built.update(re.findall(r"ia_layer\((\S+?)[\s)]", code))
    for folder in Layers(root).portable:
        if folder != "include" and folder not in built:
            problems.append(f"{path}: no ia_layer({folder}), which layers.txt says is portable")
    return problems


IMPORT = re.compile(r"""^\s*(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]"""
                    r"""|^\s*}\s*from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]""")


def package_allowed(name, allowed):
    return any(name == word or name.startswith(word + "/") or (word.endswith("*") and name.startswith(word[:-1]))
               for word in allowed)


def check_web(root, files):
    """Imports under web/ follow the table, by path and by package name."""
    layers, problems = Layers(root), []
    for file in files:
        owner = layers.owner(posixpath.dirname(file))
        if owner is None or not owner.startswith("web/") or not file.endswith(WEB) or is_test(file):
            continue
        allowed = layers.rows[owner]
        for number, line in lines_of(root, file):
            for match in IMPORT.finditer(line):
                name = next(group for group in match.groups() if group)
                if not name.startswith("."):
                    if not package_allowed(name, allowed):
                        problems.append(f"{file}:{number}: {owner} may not import the package {name} (layers.txt)")
                    continue
                # By path alone: a page may import what only its server has.
                target = posixpath.normpath(posixpath.join(posixpath.dirname(file), name))
                if is_test(target + ".ts") and not owner.startswith("web/test"):
                    problems.append(f"{file}:{number}: only tests may import {target}")
                other = layers.owner(target)
                reachable = other == owner or other in allowed or package_allowed(target, allowed)
                if not reachable:
                    problems.append(f"{file}:{number}: {owner} may not import {target} (layers.txt)")
    return problems


def check_lines(root, files):
    problems = []
    for file in files:
        if not file.endswith(MEASURED) or file.startswith(DATA_FOLDERS):
            continue
        for number, line in lines_of(root, file):
            if len(line.rstrip("\n")) > LINE:
                problems.append(f"{file}:{number}: {len(line.rstrip())} columns; a line may have {LINE}")
    return problems


def check_sizes(root, files):
    sizes = {f: os.path.getsize(f"{root}/{f}") for f in files}
    problems = [f"{f}: {s} bytes; one file may have {MAX_FILE}" for f, s in sizes.items() if s > MAX_FILE]
    total = sum(s for f, s in sizes.items() if f.startswith(DATA_FOLDERS))
    if total > MAX_DATA:
        problems.append(f"data folders hold {total} bytes; the limit is {MAX_DATA}")
    return problems


def check_words(root, files):
    """Machine paths and registry hosts have no place in the tree."""
    pattern = re.compile(r"/root/|/home/[a-z]+/|registry\.npmjs|deb\.debian\.org|pypi\.org")
    kinds = (*CPP, *WEB, ".py", ".sh", ".md", ".json", ".txt", "dev", ".cmake")
    problems = []
    for file in files:
        if file.startswith(DATA_FOLDERS) or not file.endswith(kinds) or file.startswith("tools/rules"):
            continue
        for number, line in lines_of(root, file):
            if pattern.search(line):
                problems.append(f"{file}:{number}: names a machine path or registry host")
    return problems
