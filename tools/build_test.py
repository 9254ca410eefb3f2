"""A checkout builds although the compiler's cache holds what another one made last, and that other one is gone."""
import os
import shutil
import subprocess
import tempfile
import unittest

import tally

SOURCE = os.environ["IA_SOURCE"]
PROJECT = f"""cmake_minimum_required(VERSION 3.28)
project(small CXX)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_COMPILER_LAUNCHER ccache)
include_directories(${{CMAKE_SOURCE_DIR}}/src)
include({SOURCE}/cmake/pch.cmake)
ia_pch(ia_pch)
add_library(small OBJECT small.cpp)
ia_use_pch(small ia_pch)
"""


class SharedCache(unittest.TestCase):
    def build(self, checkout, cache):
        os.makedirs(f"{checkout}/src/base")
        shutil.copy(f"{SOURCE}/src/base/format_once.h", f"{checkout}/src/base")
        for name, text in {"CMakeLists.txt": PROJECT, "small.cpp": "std::vector<int> small;\n"}.items():
            with open(f"{checkout}/{name}", "w", encoding="utf-8") as out:
                out.write(text)
        env = os.environ | {"CCACHE_DIR": cache, "CCACHE_BASEDIR": checkout, "CXX": "clang++"}
        for command in (["cmake", "-S", checkout, "-B", f"{checkout}/build", "-G", "Ninja"], ["cmake", "--build", f"{checkout}/build"]):
            made = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

    def test_of_a_checkout_that_is_gone(self):
        with tempfile.TemporaryDirectory() as folder:
            for checkout in "first", "second", "first":
                self.build(f"{folder}/{checkout}", f"{folder}/cache")
                shutil.rmtree(f"{folder}/{checkout}")


if __name__ == "__main__":
    tally.main()
