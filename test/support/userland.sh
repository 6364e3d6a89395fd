#!/bin/sh
# Runs in mount, process, name and cgroup namespaces of its own: makes $1 (a Debian in a folder) the root under a
# layer in memory, and becomes $2 there: a shell that waits, or systemd. All of it ends with this process. The file
# /.userland with $3 in it says that what is at / is no longer the test machine's own.
set -eu
lower=$1 init=$2 mark=$3

# Outside of a namespace of its own it would pivot the test machine itself.
[ "$$" = 1 ] || exit 1

mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
cd /mnt/root

mount -t proc proc proc
# The kernel is the test machine's: a boot here may not set it up.
mount -o bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t tmpfs tmpfs sys
mkdir -p sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
ln -s pts/ptmx dev/ptmx
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
hostname fresh-host
echo fresh-host >etc/hostname

mkdir -p mnt/outside
pivot_root . mnt/outside
umount -l /mnt/outside
printf '%s\n' "$mark" >/.userland
case $init in
  systemd)
    cd /etc/systemd/system
    # Mounts and services that are about a machine, not about a service.
    for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
      sys-fs-fuse-connections.mount systemd-modules-load.service systemd-udevd.service systemd-logind.service \
      systemd-udev-trigger.service systemd-journal-flush.service getty.target remote-fs.target; do
      ln -sf /dev/null "$unit"
    done
    exec env -i container=gaugeway-test PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
      /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
    ;;
  # Waits, and buries whom nobody else waits for.
  *) while :; do sleep 3600 & wait; done ;;
esac
