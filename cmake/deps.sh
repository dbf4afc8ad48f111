#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the project needs: Debian packages, and on Debian 12 newer libraries in a private prefix.
#
#   cmake/deps.sh build     compiler, CMake and libraries: enough for the program
#   cmake/deps.sh demo      the above, and kcat, with which a user publishes to the demo
#   cmake/deps.sh bench     build, and Python, which ./run bench is written in, its plots, and what its peers need: gRPC C++,
#                           Node.js, npm (bench/peers has the rest in setup.sh of each)
#   cmake/deps.sh test      all of the above, and what only the tests need
#   cmake/deps.sh prefix    only the private prefix build/deps/usr (nothing on Debian 13)
#
# What is missing is named before anything is changed. Debian packages need root or sudo; the private
# prefix needs neither, for it lives in build/ and is made with an apt state of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 3
}

suite_id() { # 12, 13, ...; the nearest relative for Debian's derivatives is not guessed at
    local id='' version=''
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && echo "${ID-}")
        version=$(. /etc/os-release && echo "${VERSION_ID-}")
    fi
    [ "$id" = debian ] || { echo other; return; }
    echo "${version:-13}" # testing has no number yet: it is newer than 13
}

# ---------------------------------------------------------------- packages of the system
# One per line: PACKAGE, or PACKAGE|COMMAND where any program of that name will do.
packages_build() {
    printf '%s\n' gcc libc6-dev 'cmake|cmake' 'ninja-build|ninja' 'pkg-config|pkg-config' ca-certificates \
        librdkafka-dev libyaml-dev libssl-dev zlib1g-dev protobuf-compiler libprotobuf-dev \
        protobuf-c-compiler
    if [ "$SUITE" != 12 ]; then
        printf '%s\n' liburing-dev libyyjson-dev libllhttp-dev libck-dev libwslay-dev \
            libnghttp2-dev libprotobuf-c-dev
    fi
}

packages_demo() {
    packages_build
    echo 'kcat|kcat'
}

packages_bench() {
    packages_build
    printf '%s\n' python3 python3-matplotlib 'openssl|openssl' g++ libgrpc++-dev protobuf-compiler-grpc \
        'nodejs|node' 'npm|npm'
}

packages_test() {
    printf '%s\n' 'git|git' 'curl|curl' 'openssl|openssl' 'procps|ps' 'testssl.sh|testssl' python3 python3-venv python3-websockets python3-matplotlib libcriterion-dev \
        clang-19 clang-format-19 libclang-rt-19-dev 'kcat|kcat' 'maven|mvn' 'nodejs|node' 'npm|npm' \
        'chromium|chromium' 'nghttp2-client|nghttp' python3-hpack 'valgrind|valgrind'
    if ! java_is_new_enough; then
        if [ "$SUITE" = 12 ]; then echo openjdk-17-jre-headless; else echo openjdk-21-jre-headless; fi
    fi
}

java_is_new_enough() {
    local major
    command -v java >/dev/null || return 1
    major=$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p' | sed -n 1p)
    [ "${major:-0}" -ge 17 ]
}

# Reads the list on stdin and prints the packages that are not there.
missing_of() {
    local line pkg cmd
    while read -r line; do
        pkg=${line%%|*} cmd=
        [ "$pkg" = "$line" ] || cmd=${line#*|}
        if [ -n "$cmd" ] && command -v "$cmd" >/dev/null; then continue; fi
        dpkg-query -W -f '${db:Status-Status}\n' "$pkg" 2>/dev/null | grep -qx installed || echo "$pkg"
    done
}

install_packages() {
    local missing root=()
    missing=$("packages_$1" | missing_of | sort -u | tr '\n' ' ')
    missing=${missing% }
    [ -n "$missing" ] || return 0
    [ "$SUITE" != other ] || die "only Debian 12 and 13 are known here; install these yourself: $missing"
    say "Will install these Debian packages: $missing"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "not root and no sudo: run 'apt-get install --no-install-recommends $missing' as root"
        root=(sudo)
    fi
    mkdir -p build
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >build/apt.log 2>&1 ||
        { tail -n 20 build/apt.log >&2; die "apt-get update failed"; }
    # shellcheck disable=SC2086  # a list of words
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing \
        </dev/null >>build/apt.log 2>&1 ||
        { tail -n 20 build/apt.log >&2; die "apt-get install failed (build/apt.log has it all)"; }
}

# What the suites fetch by themselves when they run; setup.sh of tests/kafka, e2e, go, integration and of
# bench/peers do it.
announce_downloads() {
    local kafka=${TC_KAFKA_DIR:-build/kafka} e2e=${TC_E2E_DIR:-build/e2e} go=${TC_GO_DIR:-build/go} no_go
    local transcode=${TC_TRANSCODE_DIR:-build/transcode}
    [ -f "$kafka/libs/.complete" ] ||
        say "The tests will download Apache Kafka by Maven (about 45 MiB into $kafka)"
    cmp -s tests/e2e/package.json "$e2e/.installed.json" ||
        say "The tests with clients of others will download npm packages (ws, playwright-core, grpc-js, proto-loader) into $e2e"
    cmp -s tests/e2e/requirements.txt "$e2e/.installed.txt" ||
        say "The tests with clients of others will download pip packages (websockets, grpcio, grpcio-tools, protobuf) into $e2e"
    # Any Go will do that is new enough; Debian's is not, so none is installed.
    if ! no_go=$(tests/go/go.sh 2>&1); then
        say "The tests with tools in Go (h2spec, connectconformance, gRPC's client) cannot run: $no_go"
    elif ! cmp -s tests/go/tools.txt "$go/bin/.complete"; then
        say "The HTTP/2 and gRPC tests will download Go modules (about 70 MiB) and build tools from them in $go"
    fi
    [ -f build/bench-peers/centrifuge/.done ] && [ -f build/bench-peers/uwebsockets/.done ] ||
        say "The test of the benchmark's peers will download npm packages (uwebsockets with 98 MB, ws, socket.io)," \
            "Debian packages (nats-server, nginx, nchan) and Go modules (centrifuge) into build/bench-peers"
    cmp -s tests/integration/requirements.txt "$transcode/.installed.txt" ||
        say "The transcoder's test will download a pip package (protobuf) into $transcode"
}

# ---------------------------------------------------------------- the private prefix of Debian 12
PREFIX_SUITE=trixie
PREFIX_PACKAGES='libllhttp-dev libllhttp9.2 libyyjson-dev libyyjson0 liburing-dev liburing2
    libnghttp2-dev libnghttp2-14 libwslay-dev libwslay1 libprotobuf-c-dev libprotobuf-c1
    libck-dev libck0t64'
PREFIX_LAYOUT=2 # raise it when the steps below change

repository() { # REGEX: the address of the first package archive that matches
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' |
        grep -v -e '^file:' -e '^cdrom:' | grep -E -m 1 "$1" || :
}

make_prefix() {
    local stamp key apt main security
    [ "$SUITE" = 12 ] || return 0
    stamp=build/deps/stamp
    key=$(printf '%s\n' "$PREFIX_LAYOUT $PREFIX_SUITE" $PREFIX_PACKAGES | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then return 0; fi
    say "Will unpack newer libraries from Debian 13 into build/deps (the system is not touched):" \
        $PREFIX_PACKAGES
    mkdir -p build
    # A derived place first and one rename last: a build that is running never sees half of it.
    rm -rf build/deps.new
    apt=$PWD/build/deps.new/apt
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,debs} build/deps.new/usr
    main=$(repository '/debian/*$')
    [ -n "$main" ] || main=$(repository '.')
    [ -n "$main" ] || die "no Debian mirror in the apt sources"
    security=$(repository '-security/*$')
    local by='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
    {
        echo "deb $by $main $PREFIX_SUITE main"
        [ -z "$security" ] || echo "deb $by $security $PREFIX_SUITE-security main"
    } >"$apt/sources.list"
    local options=(-q -o Dir::State="$apt" -o Dir::State::lists="$apt/lists"
        -o Dir::State::status=/dev/null -o Dir::Cache="$apt/cache"
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o Acquire::Languages=none -o APT::Sandbox::User=root
        -o APT::Update::Post-Invoke::= -o APT::Update::Post-Invoke-Success::=)
    # shellcheck disable=SC2086  # a list of words
    if ! (
        apt-get "${options[@]}" update &&
            cd "$apt/debs" && apt-get "${options[@]}" download $PREFIX_PACKAGES linux-libc-dev
    ) >build/deps.log 2>&1 </dev/null; then
        tail -n 20 build/deps.log >&2
        die "the newer libraries could not be fetched (build/deps.log)"
    fi
    unpack_prefix "$apt/debs" build/deps.new
    rm -rf "$apt" build/deps
    echo "$key" >build/deps.new/stamp
    mv build/deps.new build/deps
}

unpack_prefix() { # DEBS PLACE
    local deb pc
    for deb in "$1"/*.deb; do
        case ${deb##*/} in
        linux-libc-dev_*)
            # liburing.h wants this one header, which Debian 12's kernel headers lack
            mkdir -p "$2/usr/include"
            dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$2" ./usr/include/linux/blkdev.h
            ;;
        *) dpkg-deb -x "$deb" "$2" ;;
        esac
    done
    rm -rf "$2/usr/share"
    for pc in "$2"/usr/lib/*/pkgconfig/*.pc; do
        sed -i -E 's|^([a-z_]+)=/usr\b|\1=${pcfiledir}/../../..|' "$pc"
    done
}

SUITE=$(suite_id)
case ${1-} in
build | demo | bench)
    install_packages "$1"
    make_prefix
    ;;
test)
    # two lists, one announcement
    packages_all() { packages_build; packages_test; }
    announce_downloads
    install_packages all
    make_prefix
    ;;
prefix) make_prefix ;;
*)
    say "usage: cmake/deps.sh build|demo|bench|test|prefix"
    exit 2
    ;;
esac
