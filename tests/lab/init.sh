#!/bin/sh
# Process 1 of the lab (see machine.py): the host's files below a memory, the devices, the command, and the end.
# /run/lab is the host's own folder: `command`, `environment` and `status` are in it.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=/run/root above=/run/above
mkdir $root $above
mount -t tmpfs above $above
mkdir $above/upper $above/work
mount -t overlay root $root -o lowerdir=/,upperdir=$above/upper,workdir=$above/work
mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t configfs configfs $root/sys/kernel/config
mount -t devtmpfs dev $root/dev
mkdir -p $root/dev/shm $root/dev/pts
mount -t tmpfs shm $root/dev/shm
mount -t devpts pts $root/dev/pts
mount -t tmpfs run $root/run
mkdir $root/run/lab $root/run/tmp
mount --bind /run/lab $root/run/lab
ln -s /proc/self/fd $root/dev/fd 2>/dev/null
stty -F $root/dev/tty1 raw -echo 2>/dev/null
cat >$root/run/session <<'SESSION'
ip link set lo up || ifconfig lo 127.0.0.1 up
. /run/lab/environment
# The command's output is a pipe and no terminal. What it leaves behind may hold the pipe open.
mkfifo /run/output
cat /run/output >/dev/tty1 & reader=$!
( . /run/lab/command ) </dev/null >/run/output 2>&1
echo $? >/run/lab/status
for _ in 1 2 3 4 5 6 7 8 9 10; do
	kill -0 $reader 2>/dev/null || break
	sleep 0.1
done
SESSION
# User namespaces are refused below a mere chroot, hence the move.
cd $root && mount --move . /
chroot . /bin/bash /run/session
sync
# reboot(2): power off. There is no init that a command of that name could ask.
exec perl -e 'syscall(169, 0xfee1dead, 672274793, 0x4321fedc)'
