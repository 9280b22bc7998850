#!/bin/sh
# Installs what a target needs from Debian's archive: as root with apt-get, otherwise it says exactly what to install.
# usage: provision.sh venv|test|all|bench|lab
set -eu

have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

wanted=""
want() { # COMMAND PACKAGE
	have "$1" || wanted="$wanted $2"
}

want_packages() { # PACKAGE...
	have dpkg-query || return 0
	for package in "$@"; do
		dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			wanted="$wanted $package"
	done
}
GSTREAMER="gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
	gstreamer1.0-nice python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0"

case "${1:-}" in
venv)
	# ensurepip is missing where Debian's python3-venv is; other builds of Python have it.
	"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || wanted="$wanted python3-venv"
	;;
test)
	want mosquitto mosquitto
	want mosquitto_sub mosquitto-clients
	want chromium chromium
	want firefox-esr firefox-esr
	want turnserver coturn
	want rabbitmqctl rabbitmq-server
	want promtool prometheus
	want victoria-metrics victoria-metrics
	[ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || wanted="$wanted postgresql"
	want node nodejs
	want npm npm
	want ip iproute2
	want nft nftables
	want faketime faketime
	# config/examples: the form of compose.yaml, and the playbook
	want docker-compose docker-compose
	want ansible-playbook ansible-core
	# Sound cards in user space: null sinks behind ALSA's plug-in.
	want pulseaudio pulseaudio
	want pactl pulseaudio-utils
	want_packages libasound2-plugins
	# Foreign WebRTC stacks: pion is built from Debian's Go packages, GStreamer is Debian's.
	want go golang-go
	want_packages golang-github-pion-webrtc.v3-dev $GSTREAMER
	# What boots a real systemd and builds the camera's chroot is of use to root only.
	if [ "$(id -u)" -eq 0 ]; then
		want systemd-nspawn systemd-container
		want mmdebstrap mmdebstrap
		want debootstrap debootstrap
		want unshare util-linux
		want qemu-aarch64-static qemu-user-static
	fi
	;;
all)
	# what `make test-all` alone runs
	want lintian lintian
	;;
bench)
	# GStreamer's webrtcbin, which the bench of senders compares with.
	want_packages $GSTREAMER
	# What is spoken and heard where the quality of speech is measured, by a package that is compiled.
	want espeak-ng espeak-ng
	want gcc gcc
	want_packages libc6-dev
	;;
lab)
	# The kernel's source, and what it is built with.
	want_packages linux-source-6.12 libc6-dev
	for tool in gcc make flex bison bc patch perl; do want "$tool" "$tool"; done
	want xz xz-utils
	;;
*)
	echo "usage: $0 venv|test|bench|lab" >&2
	exit 2
	;;
esac

[ -n "$wanted" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
	echo "callbox: not installed:$wanted" >&2
	echo "callbox: install them with: sudo apt-get install --no-install-recommends$wanted" >&2
	# Without the environment nothing works; without a real part only the tests that need it are skipped, and without
	# another sender the bench says that it was not measured.
	[ "$1" = bench ] && exit 0
	case "$1" in test | all) [ "${CI:-}" != true ] && exit 0 ;; esac
	exit 1
fi
echo "callbox: installing$wanted"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# A package may start a service of its own; the tests start theirs on ports of their own.
# shellcheck disable=SC2086
apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $wanted >/dev/null
