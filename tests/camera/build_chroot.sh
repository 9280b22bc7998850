#!/bin/bash
# Builds a Debian 13 system in a folder, with libcamera's virtual camera and the real picamera2. As root.
# usage: build_chroot.sh FOLDER REQUIREMENT...    (of pip, for the virtual environment /venv inside)
# The mirror is the one that this machine's apt uses; DEBIAN_MIRROR names another.
set -euo pipefail

# Every mount lives in a namespace of this script's own: however it ends, none is left behind.
if [ "${UNSHARED:-}" != 1 ]; then
	export UNSHARED=1
	exec unshare --mount --propagation private bash "$0" "$@"
fi

folder=$1
shift
partial=$folder.partial
suite=trixie
# The first with a virtual pipeline that works is 0.5; trixie itself has 0.4.
backports=$suite-backports
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

say() { echo "[${SECONDS}s] $*"; }

if ! command -v debootstrap >/dev/null && ! [ -x /usr/sbin/debootstrap ]; then
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
fi

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Suite: $codename" | head -n 1)}
mirror=${mirror:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -n 1)}
[ -n "$mirror" ] || { echo "apt here knows no mirror for $codename; set DEBIAN_MIRROR" >&2; exit 1; }

rm -rf --one-file-system "$partial"
mkdir -p "$partial"
PATH=$PATH:/usr/sbin:/sbin debootstrap --variant=minbase --include=ca-certificates "$suite" "$partial" "$mirror" >/dev/null
say debootstrap

echo "deb $mirror $backports main" >"$partial/etc/apt/sources.list.d/backports.list"
# Should the machine lose power, the folder is built anew: no need to wait for the disk.
echo force-unsafe-io >"$partial/etc/dpkg/dpkg.cfg.d/unsafe-io"
mount --bind /proc "$partial/proc"
inside() { chroot "$partial" "$@"; }
inside apt-get update -qq
inside apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends -t "$backports" \
	python3-libcamera >/dev/null
# The compiler is for two dependencies of picamera2 that come as source alone.
inside apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends python3-venv python3-dev gcc libc6-dev libcap-dev >/dev/null
inside apt-get clean
say apt

# pip inside trusts, and asks, whom pip outside does; local folders of wheels are not to be seen from there.
cp /etc/ssl/certs/ca-certificates.crt "$partial/etc/ssl/certs/"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$partial/etc/"
inside python3 -m venv --system-site-packages /venv
env -u PIP_FIND_LINKS chroot "$partial" /venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check "$@"
say pip

# Below /etc it would not be read.
install -D /dev/stdin "$partial/usr/share/libcamera/pipeline/virtual/virtual.yaml" <<'YAML'
%YAML 1.1
---
"Virtual0":
  supported_formats:
  - { width: 320, height: 180, frame_rates: [30, 30] }
  - { width: 640, height: 360, frame_rates: [30, 30] }
  - { width: 640, height: 480, frame_rates: [30, 30] }
  - { width: 1280, height: 720, frame_rates: [30, 30] }
  - { width: 1920, height: 1080, frame_rates: [30, 30] }
  test_pattern: "lines"
  location: "CameraLocationFront"
  model: "virtual"
YAML
inside /venv/bin/python -c 'import libcamera; print([each.id for each in libcamera.CameraManager.singleton().cameras])' |
	grep -q Virtual0

rm -rf --one-file-system "$folder"
mv "$partial" "$folder"
say "done: $(du -sh --one-file-system "$folder" | cut -f 1)"
