# SPDX-License-Identifier: Apache-2.0
# What others' libraries make of the same task, for ./run bench: built only if they are installed.

# Program NAME at <build>/OUT/<name> from SOURCE, a gRPC server in C++ with the services of the .proto files of
# FOLDER in ARGN.
function(tc_grpc_peer name source out folder)
    find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin)
    pkg_check_modules(grpcpp QUIET IMPORTED_TARGET grpc++>=1.40 protobuf)
    if(NOT GRPC_CPP_PLUGIN OR NOT grpcpp_FOUND OR TC_SANITIZE)
        return()
    endif()
    set(root ${CMAKE_SOURCE_DIR}/${folder})
    set(place ${CMAKE_BINARY_DIR}/generated/${name})
    file(MAKE_DIRECTORY ${place})
    set(sources "")
    foreach(proto IN LISTS ARGN)
        string(REGEX REPLACE "\\.proto$" "" base ${proto})
        set(made ${place}/${base}.pb.cc ${place}/${base}.grpc.pb.cc)
        add_custom_command(OUTPUT ${made}
            COMMAND ${PROTOC} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} -I${root} --cpp_out=${place}
                    --grpc_out=${place} ${proto}
            DEPENDS ${root}/${proto}
            COMMENT "Generating ${base}.grpc.pb.cc" VERBATIM)
        list(APPEND sources ${made})
    endforeach()
    add_executable(${name} ${source} ${sources})
    set_target_properties(${name} PROPERTIES CXX_STANDARD 17 RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${out})
    target_compile_options(${name} PRIVATE -O2)
    target_include_directories(${name} SYSTEM PRIVATE ${place})
    target_link_libraries(${name} PRIVATE PkgConfig::grpcpp Threads::Threads)
    add_dependencies(benches ${name})
endfunction()
