"""Every rule of tools/rules.py on a made-up tree: it refuses what it is for, and takes the twin beside it."""
import os
import tempfile
import unittest

import rules
import tally

LAYERS = """portable: include src/base src/host src/engine src/task
except src/base/fast.cpp: sys/mman.h  # huge pages
include:
src/base: include
src/host: include src/base
src/task: include src/base
src/engine: include src/base src/host src/task
src/store: include src/base
src/backend/webgpu: include src/base
src/host/native: include src/base src/host src/store
web/sdk/src: node:* webgpu
web/demo/src: ipfs_accelerate_js
web/test: web/sdk/src ipfs_accelerate_js vitest
"""
FAST = {"src/base/fast.cpp": "#include <sys/mman.h>\n"}


def problems(check, files, layers=LAYERS):
    """What a check says of a tree with these files (path -> text)."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**FAST, **files, "layers.txt": layers}.items():
            os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
            with open(f"{root}/{path}", "w", encoding="utf-8") as out:
                out.write(text)
        return check(root, list(FAST | files))


class Rules(unittest.TestCase):
    def refuses(self, check, files, *words, layers=LAYERS):
        found = problems(check, files, layers)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def takes(self, check, files, layers=LAYERS):
        self.assertEqual(problems(check, files, layers), [])


class Layers(Rules):
    HEADERS = {"src/backend/webgpu/gpu.h": "", "src/store/store.h": "", "src/base/async.h": ""}

    def includes(self, file, header):
        return {**self.HEADERS, file: f'// text\n#include "{header}"\n'}

    def test_a_task_names_no_backend(self):
        self.refuses(rules.check_layers, self.includes("src/task/a.cpp", "backend/webgpu/gpu.h"), "src/task/a.cpp:2",
                     "src/task may not include src/backend/webgpu")
        self.takes(rules.check_layers, self.includes("src/task/a.cpp", "base/async.h"))

    def test_the_engine_names_no_store(self):
        self.refuses(rules.check_layers, self.includes("src/engine/a.h", "store/store.h"), "src/engine may not")
        self.takes(rules.check_layers, self.includes("src/host/native/a.h", "store/store.h"))

    def test_a_way_around_by_a_relative_path(self):
        self.refuses(rules.check_layers, self.includes("src/task/a.cpp", "../store/store.h"), "not include src/store")

    def test_tests_see_everything(self):
        self.takes(rules.check_layers, self.includes("src/task/a_test.cpp", "store/store.h"))
        self.takes(rules.check_layers, self.includes("src/task/test_world.h", "store/store.h"))

    def test_a_portable_folder_rests_on_portable_folders(self):
        self.refuses(rules.check_layers, {}, "src/task is portable and may not include src/store",
                     layers=LAYERS.replace("src/task: include", "src/task: include src/store"))

    def test_a_portable_folder_has_a_row(self):
        layers = LAYERS.replace("src/task\n", "src/task src/gone\n", 1)
        self.refuses(rules.check_layers, {}, "src/gone has no row", layers=layers)

    def test_an_exception_has_a_reason(self):
        self.refuses(rules.check_layers, {}, "layers.txt:2", "reason", layers=LAYERS.replace("  # huge pages", ""))


class Portable(Rules):
    HEADERS = ("thread mutex shared_mutex condition_variable future semaphore latch barrier stop_token filesystem "
               "fstream chrono ctime time.h random iostream cstdio stdio.h sys/mman.h sys/socket.h unistd.h fcntl.h "
               "curl/curl.h dawn/webgpu_cpp.h webgpu/webgpu.h "
               "print csignal signal.h threads.h sched.h semaphore.h dirent.h poll.h dlfcn.h "
               "openssl/evp.h blake3.h emscripten.h emscripten/bind.h pthread.h netinet/in.h").split()
    USES = ("std::thread worker;", "std::jthread worker;", "std::mutex lock;", "std::shared_mutex lock;",
            "auto t = std::chrono::steady_clock::now();", "using C = std::chrono::system_clock;",
            "steady_clock::now();", "std::this_thread::yield();", "std::ifstream in;", "std::filesystem::path p;", 'fopen("a", "r");',
            "auto t = std::chrono::high_resolution_clock::now();", "std::random_device seed;", 'std::getenv("HOME");',
            'const char* home = getenv("HOME");', 'std::cout << "a";', 'std::cerr << 1;', 'std::println("a");', 'printf("a");',
            'std::fprintf(stderr, "a");', "std::call_once(flag, f);", "const std::scoped_lock held(m);", "std::stop_token stop;",
            "std::counting_semaphore<2> room(0);", "usleep(10);", "::usleep(10);", "pthread_create(&t, 0, f, 0);", '::open("a", 0);',
            "const auto now = std::time(nullptr);")

    def test_headers_of_the_host(self):
        for header in self.HEADERS:
            for folder in ("src/engine", "src/base", "src/host"):
                with self.subTest(header=header, folder=folder):
                    text = {f"{folder}/a.h": f"#  include <{header}>\n"}
                    self.refuses(rules.check_portable, text, f"{folder}/a.h:1", f"<{header}>")

    def test_the_same_header_in_quotes(self):
        self.refuses(rules.check_portable, {"src/engine/a.cpp": '#include "curl/curl.h"\n'}, "<curl/curl.h>")

    def test_headers_without_a_world(self):
        headers = ("atomic", "coroutine", "vector", "cstdlib", "hwy/highway.h", "nlohmann/json.hpp")
        self.takes(rules.check_portable, {"src/engine/a.h": "".join(f"#include <{h}>\n" for h in headers)})

    def test_names_of_the_host(self):
        for use in self.USES:
            with self.subTest(use=use):
                self.refuses(rules.check_portable, {"src/engine/a.cpp": f"{use}\n"}, "src/engine/a.cpp:1")

    def test_words_alone_are_fine(self):
        self.takes(rules.check_portable, {"src/engine/a.cpp": "int thread = 0;  // not a std::thread, no std::mutex\n"
                                                        "plan.open(1); Store::open(2); walk.read(3); auto d = info.time();\n"})

    def test_native_folders_and_tests_may(self):
        text = "#include <thread>\nstd::mutex lock;\n"
        self.takes(rules.check_portable, {"src/host/native/a.cpp": text, "src/store/a.cpp": text,
                                          "src/engine/a_test.cpp": text, "src/engine/test_a.h": text})

    def test_an_exception_is_for_one_file_and_one_header(self):
        self.refuses(rules.check_portable, {"src/base/other.cpp": "#include <sys/mman.h>\n"}, "src/base/other.cpp:1")
        both = {"src/base/fast.cpp": "#include <sys/mman.h>\n#include <mutex>\n"}
        self.refuses(rules.check_portable, both, "src/base/fast.cpp:2", "<mutex>")

    def test_an_exception_that_nobody_needs(self):
        self.refuses(rules.check_portable, {"src/base/fast.cpp": "\n"}, "not needed any more")


class Wasm(Rules):
    GOOD = "".join(f"ia_layer({f})\n" for f in ("src/base", "src/host", "src/engine", "src/task"))

    def test_everything_is_compiled(self):
        self.takes(rules.check_wasm, {"cmake/wasm.cmake": self.GOOD + "# no EXCLUDE here\n"})

    def test_nothing_is_left_out(self):
        text = self.GOOD.replace("(src/task)", '(src/task EXCLUDE "native")')
        self.refuses(rules.check_wasm, {"cmake/wasm.cmake": text}, "cmake/wasm.cmake:4", "whole")

    def test_no_folder_is_forgotten(self):
        self.refuses(rules.check_wasm, {"cmake/wasm.cmake": self.GOOD.replace("ia_layer(src/task)\n", "")}, "src/task")


class Web(Rules):
    def test_the_sdk_imports_nothing_outside_itself(self):
        for line in ("import {a} from '../../demo/src/main';", "export * from '../../test/browsers.mjs';",
                     "const a = await import('../../demo/src/a');", "import '../../demo/src/a';",
                     "} from '../../demo/src/a';", "import type {A} from \"../../demo/src/a\";",
                     "import React from 'react';", "import {accelerate} from 'ipfs_accelerate_js';"):
            with self.subTest(line=line):
                self.refuses(rules.check_web, {"web/sdk/src/a.ts": line + "\n"}, "web/sdk/src/a.ts:1", "may not import")
        self.takes(rules.check_web, {"web/sdk/src/x/a.ts": "import {b} from '../b';\nimport {c} from './c';\n"
                                                           "const fs = await import('node:fs/promises');\n"})

    def test_the_demo_imports_the_package_alone(self):
        inner = {"web/demo/src/main.ts": "import {x} from '../../sdk/src/engine';\n"}
        self.refuses(rules.check_web, inner, "web/demo/src may not import web/sdk/src/engine")
        self.takes(rules.check_web, {"web/demo/src/main.ts": "import {x} from 'ipfs_accelerate_js';\nimport './y';\n"})

    def test_tests_import_what_they_test(self):
        self.takes(rules.check_web, {"web/test/a.mjs": "import {x} from '../sdk/src/engine';\nimport 'vitest';\n"})
        self.takes(rules.check_web, {"web/sdk/src/a.test.ts": "import {x} from 'vitest';\n"})
        self.refuses(rules.check_web, {"web/sdk/src/a.ts": "import {x} from './testNative';\n"}, "only tests")


class Small(Rules):
    def test_long_lines(self):
        long = "x" * (rules.LINE + 1) + "\n"
        for file in ("web/sdk/src/a.ts", "web/demo/a.css", "web/test/a.mjs"):
            self.refuses(rules.check_lines, {file: "\n" + long}, f"{file}:2")
            self.takes(rules.check_lines, {file: long[1:]})
        self.takes(rules.check_lines, {"zoo/a.js": long})

    def test_big_files(self):
        self.refuses(rules.check_sizes, {"docs/a.bin": "x" * (rules.MAX_FILE + 1)}, "docs/a.bin")

    def test_machine_paths(self):
        self.refuses(rules.check_words, {"docs/a.md": "see /home/" + "somebody/x\n"}, "docs/a.md:1")


class OurTable(unittest.TestCase):
    """What layers.txt of this tree must say, whatever else it says."""

    def setUp(self):
        self.layers = rules.Layers(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def test_the_engine_is_portable_and_rests_on_ports(self):
        self.assertIn("src/engine", self.layers.portable)
        self.assertTrue(self.layers.rows["src/engine"].isdisjoint({"src/store", "src/host/native", "src/host/threads"}))

    def test_tasks_and_models_know_no_backend_and_backends_no_content(self):
        for folder in ("src/task", "src/model", "src/input/text"):
            self.assertFalse([f for f in self.layers.rows[folder] if f.startswith("src/backend/")], folder)
        for folder in ("src/backend/cpu", "src/backend/webgpu", "src/backend/webnn"):
            self.assertTrue(self.layers.rows[folder].isdisjoint({"src/content", "src/model", "src/task"}), folder)

    def test_apps_see_the_public_headers_alone(self):
        self.assertEqual(self.layers.rows["apps/server"], {"include"})


if __name__ == "__main__":
    tally.main()
