# What `cmake --install` puts into a prefix: the public headers, every layer above in one static library, and a CMake package that
# names it. Build target `ipfs_accelerate` first; it only packs what the other targets compiled.
set(layers "")
get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
foreach(target ${targets})
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND layers $<TARGET_OBJECTS:${target}>)
  endif()
endforeach()
add_library(ipfs_accelerate STATIC EXCLUDE_FROM_ALL ${layers})
set_target_properties(ipfs_accelerate PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(ipfs_accelerate INTERFACE cxx_std_23)
target_include_directories(ipfs_accelerate INTERFACE $<INSTALL_INTERFACE:include>)
target_link_libraries(ipfs_accelerate INTERFACE OpenSSL::Crypto CURL::libcurl PNG::PNG JPEG::JPEG Threads::Threads
  blake3 hwy webgpu_dawn)

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/ipfs_accelerate)
install(DIRECTORY include/ipfs_accelerate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS ipfs_accelerate EXPORT ipfs_accelerate ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT ipfs_accelerate NAMESPACE ipfs_accelerate:: FILE ipfs_accelerateTargets.cmake DESTINATION ${package})
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/ipfs_accelerateConfig.cmake @ONLY CONTENT [[
include(CMakeFindDependencyMacro)
foreach(dependency OpenSSL CURL PNG JPEG Threads)
  find_dependency(${dependency})
endforeach()
include(${CMAKE_CURRENT_LIST_DIR}/ipfs_accelerateTargets.cmake)
]])
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/ipfs_accelerateConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/ipfs_accelerateConfig.cmake ${CMAKE_BINARY_DIR}/generated/ipfs_accelerateConfigVersion.cmake
  DESTINATION ${package})
