# SPDX-License-Identifier: Apache-2.0
# Libraries of others: target tc_libraries. On Debian 12 the newer ones lie in build/deps/usr (cmake/deps.sh).
set(prefix ${CMAKE_SOURCE_DIR}/build/deps/usr)
if(EXISTS ${prefix})
    list(PREPEND CMAKE_PREFIX_PATH ${prefix})
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
add_library(tc_libraries INTERFACE)
foreach(module liburing>=2.9 yyjson>=0.10 libllhttp>=9.2 ck>=0.7 rdkafka>=2.0 yaml-0.1 libcrypto>=3.0 libssl>=3.0 zlib
    libnghttp2>=1.61 libprotobuf-c>=1.4)
    string(REGEX REPLACE "[^a-z0-9].*$" "" name ${module})
    pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    target_link_libraries(tc_libraries INTERFACE PkgConfig::${name})
endforeach()

# wslay has no pkg-config file.
find_library(WSLAY_LIBRARY wslay REQUIRED)
find_path(WSLAY_INCLUDE wslay/wslay.h REQUIRED)
add_library(tc_wslay UNKNOWN IMPORTED)
set_target_properties(tc_wslay PROPERTIES
    IMPORTED_LOCATION ${WSLAY_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${WSLAY_INCLUDE})
target_link_libraries(tc_libraries INTERFACE tc_wslay Threads::Threads m)

add_library(tc_unit INTERFACE)
if(TC_UNIT AND TC_UNIT_PLAIN)
    target_include_directories(tc_unit SYSTEM BEFORE INTERFACE ${CMAKE_SOURCE_DIR}/tests/plain)
elseif(TC_UNIT)
    pkg_check_modules(criterion IMPORTED_TARGET criterion>=2.4)
    if(NOT criterion_FOUND)
        message(WARNING "Criterion is not installed: no unit tests. `cmake/deps.sh test` installs it.")
        set(TC_UNIT OFF)
    else()
        target_link_libraries(tc_unit INTERFACE PkgConfig::criterion)
    endif()
endif()
