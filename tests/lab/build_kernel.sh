#!/bin/bash
# Builds the kernel of the lab from Debian's source package with this machine's compiler.
# usage: build_kernel.sh TARGET    LAB_JOBS=2: compilers at a time
# Needs what `tests/provision.sh lab` installs; no root.
set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
target=$1
archive=$(find /usr/src -maxdepth 1 -name 'linux-source-6.12.tar.xz')
[ -n "$archive" ] || { echo "there is no kernel source in /usr/src: tests/provision.sh lab" >&2; exit 1; }

# One build at a time; who waited finds it done.
exec 9>"$target.lock"
flock 9
trap 'rm -rf "${work:-}"; rm -f "$target.lock"' EXIT
work=$(mktemp -d "$(dirname "$target")/building.XXXXXX")
source=$work/source build=$work/build
mkdir "$source" "$build"

# Drivers of graphics and network cards are most of the tree, and none is built; their Kconfig files are read.
tar -xJf "$archive" -C "$source" --strip-components=1 \
	--exclude='*/Documentation/*/*' --exclude='*.dts' --exclude='*.dtsi' --exclude='*/tools/testing/*' \
	--exclude='*/drivers/gpu/drm/*.[ch]' --exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]'
cd "$source"
patch --silent --strip=1 <"$here/kernel.patch"
# A tick of 1 ms, which is what simulated interrupts and the sound loop wait for.
sed -i '/^config HZ$/,/^$/ s/default 100$/default 1000/' arch/um/Kconfig

kernel_make() { make --silent ARCH=um O="$build" KCFLAGS=-w --jobs="${LAB_JOBS:-2}" "$@"; }
kernel_make allnoconfig
scripts/kconfig/merge_config.sh -m -O "$build" "$build/.config" "$here/kernel.config" >/dev/null
kernel_make olddefconfig
kernel_make linux
strip -o "$target.new" "$build/linux"
mv "$target.new" "$target"
