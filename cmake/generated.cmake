# Sources made at build time: the Unicode tables of ia_input_text. Include after the layers exist.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(IA_UNICODE_TABLES ${CMAKE_BINARY_DIR}/generated/input/text/unicode_tables.inc)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/input/text)
add_custom_command(
  OUTPUT ${IA_UNICODE_TABLES}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/gen_unicode.py ${IA_UNICODE_TABLES}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/gen_unicode.py
  COMMENT "Unicode tables")
target_sources(ia_input_text PRIVATE ${IA_UNICODE_TABLES})
