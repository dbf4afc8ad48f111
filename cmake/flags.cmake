# SPDX-License-Identifier: Apache-2.0
# Flags of our own code: target tc_flags (compile and link), used by every target through its layer.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# The run path is relative, so that the tree can be moved.
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions are ours and always on; optimised builds keep their symbols.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")

include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_library(tc_flags INTERFACE)
target_include_directories(tc_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Its value is empty, so that a file that defines it too does not clash.
target_compile_definitions(tc_flags INTERFACE _GNU_SOURCE=)
target_compile_options(tc_flags INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wdouble-promotion -Wvla -Wimplicit-fallthrough
    -fno-common -fno-strict-aliasing
    # __FILE__ in assertions names the path in the tree, not where it was built
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_link_options(tc_flags INTERFACE -Wl,--as-needed)

if(TC_HARDEN)
    target_compile_options(tc_flags INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        target_compile_options(tc_flags INTERFACE -fcf-protection=full)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
        target_compile_options(tc_flags INTERFACE -mbranch-protection=standard)
    endif()
    target_link_options(tc_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
if(TC_SANITIZE)
    set(sanitize -fsanitize=${TC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_compile_options(tc_flags INTERFACE ${sanitize})
    target_link_options(tc_flags INTERFACE ${sanitize})
    target_compile_definitions(tc_flags INTERFACE TC_SANITIZED=1)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # gcc warns about code that its own sanitizers have changed; the other builds judge ours
        target_compile_options(tc_flags INTERFACE -Wno-error)
    endif()
endif()
if(TC_FUZZ)
    target_compile_options(tc_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_compile_definitions(tc_flags INTERFACE TC_FUZZING=1)
endif()
if(TC_COVERAGE)
    target_compile_options(tc_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(tc_flags INTERFACE --coverage)
endif()
