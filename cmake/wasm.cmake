# Browser build: the portable layers and bindings/wasm as WebAssembly. Four programs from one set of objects: with and without threads
# (pthreads on shared memory, which needs a cross-origin isolated page), with plain and with relaxed SIMD.

# Header-only libraries come from the system by name, so that no other system header is seen.
set(IA_WASM_INCLUDE ${CMAKE_BINARY_DIR}/system)
file(MAKE_DIRECTORY ${IA_WASM_INCLUDE})
foreach(library hwy nlohmann)
  if(NOT EXISTS /usr/include/${library})
    message(FATAL_ERROR "no /usr/include/${library}; run this through ./dev build wasm")
  endif()
  file(CREATE_LINK /usr/include/${library} ${IA_WASM_INCLUDE}/${library} SYMBOLIC)
endforeach()
include_directories(SYSTEM ${IA_WASM_INCLUDE})

# Objects are compiled for threads. In a program linked without -pthread the memory is not shared, and atomics are plain accesses that work there too.
add_compile_options(-fno-exceptions -msimd128 -pthread -ffunction-sections -Wno-unused-command-line-argument)
add_link_options(-fno-exceptions)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

ia_pch(ia_pch)
ia_layer(src/base)
ia_layer(src/content)
ia_layer(src/tensor)
ia_layer(src/graph)
ia_layer(src/weights)
ia_layer(src/backend)
ia_layer(src/backend/cpu)
ia_layer(src/backend/webgpu)
ia_layer(src/backend/webnn)
ia_layer(src/model FAMILIES)
ia_layer(src/input/text)
ia_layer(src/input/image)
ia_layer(src/input/audio)
ia_layer(src/task)
ia_layer(src/host)
ia_layer(src/fetch)
ia_layer(src/engine)
ia_layer(src/host/threads)
include(cmake/generated.cmake)
include(cmake/kernels.cmake)

# Kernels and the spectra of sounds are built for speed, everything else for size.
get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
foreach(target ${targets})
  get_target_property(type ${target} TYPE)
  if(type MATCHES "STATIC_LIBRARY|OBJECT_LIBRARY" AND NOT target MATCHES "^ia_backend_cpu$|^ia_tensor$|^ia_input_audio$|^ia_host_threads$")
    target_compile_options(${target} PRIVATE -Os)
  elseif(type STREQUAL "STATIC_LIBRARY")
    set_target_properties(${target} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)  # ia_pch is made with -Os
  endif()
endforeach()

# The CPU kernels twice; nothing else differs between a plain and a relaxed program.
get_target_property(cpu_sources ia_backend_cpu SOURCES)
list(REMOVE_ITEM cpu_sources ${CMAKE_SOURCE_DIR}/src/backend/cpu/kernels.cpp)
set_target_properties(ia_backend_cpu PROPERTIES SOURCES "${cpu_sources}")
foreach(variant plain relaxed)
  add_library(ia_kernels_${variant} OBJECT ${CMAKE_SOURCE_DIR}/src/backend/cpu/kernels.cpp)
endforeach()
target_compile_options(ia_kernels_relaxed PRIVATE -mrelaxed-simd)

set(IA_WASM_LINK
  -O3 --no-entry -sMODULARIZE=1 -sEXPORT_ES6=1 -sENVIRONMENT=web,worker,node -sFILESYSTEM=0 -sALLOW_MEMORY_GROWTH=1
  -sMAXIMUM_MEMORY=4GB -sINITIAL_MEMORY=32MB -sSTACK_SIZE=1MB -sEXPORTED_RUNTIME_METHODS=wasmMemory -sINCOMING_MODULE_JS_API=locateFile,wasmBinary,mainScriptUrlOrBlob,printErr
  -sABORTING_MALLOC=0 -sASSERTIONS=0 -Wno-pthreads-mem-growth)
set(IA_WASM_LINK_THREADS
  -pthread -sEXPORTED_RUNTIME_METHODS=wasmMemory,PThread  # so that the page can end the threads
  # The engine waits for its pool, so every thread must exist before it is asked for: the page starts as many as ia_open() says.
  -sPTHREAD_POOL_SIZE=0 -sDEFAULT_PTHREAD_STACK_SIZE=512KB -sPTHREAD_POOL_SIZE_STRICT=2)

# The shipped programs, and for tests the same with calls that exercise the ports and the backends (tests/page).
file(GLOB IA_WASM_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bindings/wasm/*.cpp)
list(REMOVE_ITEM IA_WASM_SOURCES ${CMAKE_SOURCE_DIR}/bindings/wasm/no_tests.cpp)
file(GLOB IA_TEST_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/page/*_calls.cpp)
file(GLOB IA_SCENARIOS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/scenarios/*scenarios.cpp ${CMAKE_SOURCE_DIR}/tests/scenarios/scripted_gpu.cpp
  ${CMAKE_SOURCE_DIR}/tests/scenarios/world.cpp)
add_library(ia_bindings OBJECT ${IA_WASM_SOURCES})
add_library(ia_engine_calls OBJECT ${CMAKE_SOURCE_DIR}/bindings/wasm/no_tests.cpp)
add_library(ia_test_calls OBJECT ${IA_TEST_SOURCES} ${CMAKE_SOURCE_DIR}/tests/conformance/cases.cpp ${CMAKE_SOURCE_DIR}/tests/conformance/state_cases.cpp
                                 ${CMAKE_SOURCE_DIR}/tests/conformance/check.cpp ${CMAKE_SOURCE_DIR}/tests/golden/reference.cpp
                                 ${CMAKE_SOURCE_DIR}/tests/scripted/scripted_host.cpp ${IA_SCENARIOS})
foreach(objects ia_bindings ia_engine_calls ia_test_calls)
  ia_use_pch(${objects} ia_pch)
  target_compile_options(${objects} PRIVATE -Os)
  target_include_directories(${objects} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${objects} PUBLIC ia_engine ia_host_threads)
endforeach()
foreach(program engine engine-relaxed engine-threads engine-threads-relaxed test test-relaxed test-threads-relaxed)
  string(REGEX MATCH "^[a-z]+" calls ${program})
  set(variant plain)
  if(program MATCHES relaxed)
    set(variant relaxed)
  endif()
  set(kind single)
  if(program MATCHES threads)
    set(kind threads)
  endif()
  add_executable(${program} $<TARGET_OBJECTS:ia_bindings> $<TARGET_OBJECTS:ia_${calls}_calls> $<TARGET_OBJECTS:ia_kernels_${variant}>)
  target_link_libraries(${program} PRIVATE ia_engine ia_host_threads)
  target_link_options(${program} PRIVATE ${IA_WASM_LINK} $<$<STREQUAL:${kind},threads>:${IA_WASM_LINK_THREADS}>)
  set_target_properties(${program} PROPERTIES SUFFIX .mjs LINK_DEPENDS ${CMAKE_CURRENT_LIST_FILE} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${kind}/bin)
endforeach()
