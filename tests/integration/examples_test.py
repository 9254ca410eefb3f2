"""The examples that README shows: they run as built here, and the C++ one against an installed library."""
import json
import os
import subprocess

from harness import PROGRAM, SOURCE, main

BUILD = f"{SOURCE}/build/release"


def answer(store, *command):
    """Of an example, whose model is named from the project's folder."""
    environment = dict(os.environ, IPFS_ACCELERATE_HOME=store.home)
    done = subprocess.run(command, capture_output=True, cwd=SOURCE, env=environment, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    return json.loads(done.stdout)


def test_readme_shows_the_files(store):
    readme = open(f"{SOURCE}/README.md").read()
    for name, language in (("hello.cpp", "cpp"), ("hello.c", "c")):
        text = open(f"{SOURCE}/examples/{name}").read()
        assert f"```{language}\n{text}```" in readme, f"README.md does not show examples/{name} as it is"


def test_they_run(store):
    for program in "hello_cpp", "hello_c":
        result = answer(store, f"{BUILD}/bin/{program}")
        assert result["platform"] == "cpu" and len(result["output"][0]) == 128, result


def test_the_demo_leaves_the_users_store_alone(store):
    path = f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}"
    environment = dict(os.environ, IA_SOURCE=SOURCE, IA_CACHE=f"{store.folder}/cache", HOME=f"{store.folder}/user", PATH=path)
    for name in ("IPFS_ACCELERATE_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    done = subprocess.run([f"{SOURCE}/tools/demo.sh"], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not os.path.exists(f"{store.folder}/user"), "the user's own store was made"
    names = json.load(open(f"{store.folder}/cache/demo/names.json"))
    assert all(name in str(names) for name in ("numbers-bert", "numbers-gpt2", "numbers-t5", "digits-vit")), names
    assert f"{store.folder}/cache/demo" in done.stdout, "it says where"


def test_an_installed_library_is_found_and_linked(store):
    prefix, project = f"{store.folder}/prefix", f"{store.folder}/project"
    os.mkdir(project)
    open(f"{project}/CMakeLists.txt", "w").write(f"""
cmake_minimum_required(VERSION 3.28)
project(hello LANGUAGES C CXX)
find_package(ipfs_accelerate 0.1 REQUIRED)
add_executable(hello {SOURCE}/examples/hello.cpp)
target_compile_options(hello PRIVATE -Wall -Wextra -Werror)
target_link_libraries(hello PRIVATE ipfs_accelerate::ipfs_accelerate)
""")
    for command in (["cmake", "--install", BUILD, "--prefix", prefix],
                    ["cmake", "-S", project, "-B", f"{project}/build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
                     "-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"],
                    ["cmake", "--build", f"{project}/build"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    assert sorted(os.listdir(prefix)) == ["include", "lib"]
    assert len(answer(store, f"{project}/build/hello")["output"][0]) == 128


if __name__ == "__main__":
    main(globals())
