# Precompiled headers: what is heavy and included everywhere, parsed once per set of compile options. A file still includes what it uses:
# preset `plain` builds without them.
set(IA_PCH_HEADERS
  <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cmath> <condition_variable> <cstddef> <cstdint> <cstring> <deque> <expected> <filesystem>
  <format> <fstream> <functional> <iostream> <limits> <list> <map> <memory> <mutex> <numeric> <optional> <random> <set> <span> <sstream>
  <stop_token> <string> <string_view> <thread> <tuple> <unordered_map> <unordered_set> <utility> <variant> <vector> <nlohmann/json.hpp> ${CMAKE_SOURCE_DIR}/src/base/format_once.h)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")  # for ccache
endif()

# ia_pch(NAME HEADERS...): a precompiled header of IA_PCH_HEADERS and HEADERS; ia_use_pch(TARGET NAME) uses it. Clang refuses one that was made
# with another -fPI option, so libraries use ia_pch, programs and tests (PIE) another.
function(ia_pch name)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${name}.cpp CONTENT "// Only here to make a precompiled header.\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/generated/${name}.cpp)
  target_precompile_headers(${name} PRIVATE ${IA_PCH_HEADERS} ${ARGN})
  # Made here always: ccache would hand one checkout the file of another, and Clang refuses it once that other checkout is gone.
  set_target_properties(${name} PROPERTIES CXX_COMPILER_LAUNCHER "")
  if(ARGN)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIE)
  endif()

  # The file holds paths of this checkout. ccache takes this sum of what it was made from instead, so checkouts share their objects.
  set(includes "")
  foreach(header ${IA_PCH_HEADERS} ${ARGN})
    if(header MATCHES "^<")
      string(APPEND includes "#include ${header}\n")
    else()
      string(APPEND includes "#include \"${header}\"\n")
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
    endif()
  endforeach()
  set(input ${CMAKE_BINARY_DIR}/generated/${name}.h)
  file(CONFIGURE OUTPUT ${input} CONTENT "${includes}")
  get_directory_property(folders INCLUDE_DIRECTORIES)
  list(TRANSFORM folders PREPEND -I)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -std=c++23 ${folders} -x c++ -E -P ${input} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 sum "${text}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch.sum CONTENT "${sum}")
endfunction()

function(ia_use_pch target name)
  if(CMAKE_DISABLE_PRECOMPILE_HEADERS)
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${name})
endfunction()

# ia_glue(TARGET PCH): code whose speed nobody notices (programs, tests): -O1 saves a sixth of its compile time.
function(ia_glue target pch)
  ia_use_pch(${target} ${pch})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()
