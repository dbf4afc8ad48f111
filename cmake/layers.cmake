# SPDX-License-Identifier: Apache-2.0
# Libraries of our own code. A folder that has no source yet is an empty library, not an error.

# TARGET from SOURCES, standing on the targets in LOWER.
function(tc_library target sources lower)
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC ${lower} tc_flags)
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE ${lower} tc_flags)
    endif()
endfunction()

# tc_<FOLDER> from FOLDER/**.c. Libraries of others hang on every layer: what a layer may use of them is
# a matter of review, and core's sources may be header-only users of Concurrency Kit.
function(tc_layer folder lower)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.c)
    tc_library(tc_${folder} "${sources}" "${lower};tc_libraries")
endfunction()

# TARGET from FOLDER/*.c: a part of the tools that stands on LOWER.
function(tc_part target folder lower)
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    tc_library(${target} "${sources}" "${lower}")
endfunction()

# The program NAME in the root of the build folder from FOLDER/*.c. All but main.c is a library, so that
# tests can call it.
function(tc_program name folder)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.c)
    set(main ${CMAKE_SOURCE_DIR}/${folder}/main.c)
    list(FIND sources ${main} has_main)
    list(REMOVE_ITEM sources ${main})
    tc_library(tc_tools "${sources}" "tc_io;tc_web;tc_bench_load")
    target_compile_definitions(tc_flags INTERFACE TC_VERSION="${PROJECT_VERSION}")
    if(has_main GREATER_EQUAL 0 AND NOT TC_FUZZ)
        add_executable(${name} ${main})
        target_link_libraries(${name} PRIVATE tc_tools)
    endif()
endfunction()
