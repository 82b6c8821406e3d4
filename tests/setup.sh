# setup.sh - installs what ./run and ./test need, and builds. Sourced by them.

# Debian's packages for each purpose.
packages_build="gcc libc6-dev meson ninja-build pkg-config libssh-dev
    libpam0g-dev libcrypt-dev libsqlite3-dev liboath-dev libsecret-1-dev
    openssh-client"
packages_demo="openssh-server libpam-wrapper libpam-modules"
packages_tests="$packages_demo g++ libcmocka-dev putty-tools
    python3 python3-asyncssh openssh-sftp-server mandoc groff-base binutils
    procps bash-completion rsync git pamtester libpamtest0-dev passwd
    libpwquality1 cracklib-runtime oathtool libpam-oath libfaketime ansible-core
    dbus-daemon libglib2.0-bin libsecret-tools libgck-1-0 libgcr-base-3-1 curl jq
    keepassxc openssl pass stoken"
packages_deep="clang libclang-rt-14-dev valgrind libasan8 libubsan1"
packages_windows="gcc-mingw-w64-x86-64 wine wine64"

as_root() {
    [ "$(id -u)" = 0 ] || echo sudo
}

# Installs those of the packages that are missing, as root or through sudo.
install_missing() {
    missing=
    for package; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "needed and not found to be installed:$missing" >&2
        echo "install what your system calls them, then run this again" >&2
        exit 1
    fi
    sudo=$(as_root)
    echo "installing with ${sudo:+$sudo }apt-get:$missing" >&2
    export DEBIAN_FRONTEND=noninteractive
    hold_services
    # lists that are old or absent are the usual reason for a failure
    # shellcheck disable=SC2086
    $sudo apt-get install -y -q --no-install-recommends $missing \
        >/dev/null 2>&1 ||
        { $sudo apt-get update -q >/dev/null &&
            $sudo apt-get install -y -q --no-install-recommends $missing \
                >/dev/null; } ||
        { release_services; echo "apt-get could not install:$missing" >&2
          exit 1; }
    release_services
}

# unpack PACKAGE: below build/packages, for what would change the system's own
# configuration if it were installed: the passwords that it takes, the keyring
# that its users have from their next login on.
unpack() {
    [ ! -d "build/packages/$1" ] || return 0
    mkdir -p build/packages/download
    download() { (cd build/packages/download && apt-get download -q "$1"); }
    download "$1" >/dev/null 2>&1 ||
        { $(as_root) apt-get update -q >/dev/null && download "$1"; } ||
        { echo "apt-get could not download $1" >&2; exit 1; }
    dpkg-deb -x build/packages/download/"$1"_*.deb build/packages/"$1".new
    rm -r build/packages/download
    mv build/packages/"$1".new build/packages/"$1"
}

# openssh-server is wanted as a program, not as a service: while it is being
# installed nothing is started.
policy=/usr/sbin/policy-rc.d
hold_services() {
    held=false
    case $missing in
    *openssh-server*)
        if [ ! -e $policy ]; then
            printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
            $sudo chmod 755 $policy
            held=true
        fi
        echo "openssh-server is installed for tests and not started; to keep" \
            "it off at the next boot: systemctl disable ssh" >&2 ;;
    esac
}
release_services() {
    if [ "$held" = true ]; then $sudo rm -f $policy; fi
}

# shellcheck disable=SC2086
need_build() { install_missing $packages_build; }
# shellcheck disable=SC2086
need_demo() { install_missing $packages_demo; }
# shellcheck disable=SC2086
need_tests() {
    install_missing $packages_tests
    unpack libpam-pwquality
    unpack gnome-keyring
}
# shellcheck disable=SC2086
need_deep() { install_missing $packages_deep; }
# shellcheck disable=SC2086
need_windows() { install_missing $packages_windows; }

# build DIRECTORY [MESON OPTION...]: configures once, then builds.
build() {
    dir=$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        meson setup "$dir" "$@" >"$dir.log" 2>&1 ||
            { cat "$dir.log" >&2; exit 1; }
        rm -f "$dir.log"
    elif [ $# -gt 0 ]; then
        case $* in
        *--cross-file*) ;;
        *) meson configure "$dir" "$@" >/dev/null ;;
        esac
    fi
    ninja -C "$dir" >"$dir/build.log" 2>&1 ||
        { cat "$dir/build.log" >&2; exit 1; }
    # warnings are for the one who builds; sanitizers make gcc give false ones
    [ "$dir" = build-asan ] || grep -A6 'warning:' "$dir/build.log" >&2 || true
}
