#!/bin/bash
# Writes every golden stream and its listing again. Needs root, GNU tar, bsdtar, python3, go and attr, and a filesystem
# with holes and user.* attributes.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
rm -f ./*.tar ./*.json
go run make.go
python3 make.py

tree=$(mktemp -d -p "${FIRN_TEST_DIR:-/var/tmp}")
trap 'rm -rf "$tree"' EXIT
cd "$tree"
long=$(printf 'l%.0s' {1..130})
mkdir -p d/sub "$long"
printf x >"$long/$long"
printf 'hello\n' >d/file
ln d/file d/hard
ln -s /etc/hosts d/sym
ln -s "$(printf 't%.0s' {1..150})" d/longsym
printf raw >"d/$(printf 'caf\xe9')"
mkfifo d/pipe
mknod d/null c 1 3
chmod 6751 d/file
chown 3000000:100 d/sub
setfattr -n user.text -v 'a value' d/file
setfattr -n user.binary -v 0x00ff0a3d d/file
setfattr -n user.pct%25 -v x d/sub
# Runs at odd places, enough of them for old GNU extension blocks.
for i in $(seq 0 7); do printf 'data%s' "$i" | dd of=d/sparse bs=1 seek=$((i * 65536 + 4096)) conv=notrunc status=none; done
truncate -s 700000 d/sparse
truncate -s 100000 d/hole
find . -exec touch -h -d '2001-02-03 04:05:06.789012345 UTC' {} +
touch -h -d '1969-12-31 23:59:58.25 UTC' d/sym

gnu() { tar --sort=name --numeric-owner -b 1 "$@"; }
sparse() { gnu -S --hole-detection=raw "$@"; }
posix() { sparse --format=posix --xattrs --xattrs-include='*' --pax-option=delete=atime,delete=ctime "$@"; }
sparse --format=gnu -cf "$here/gnu.tar" .
posix --sparse-version=0.0 -cf "$here/posix-0.0.tar" d/hole d/sparse
posix --sparse-version=0.1 -cf "$here/posix-0.1.tar" d/hole d/sparse
posix --sparse-version=1.0 -cf "$here/posix-1.0.tar" .
rm -r "$long" d/longsym d/sparse d/sub d/hole
touch -h -d @7 d/sym
gnu --format=v7 --exclude=pipe --exclude=null -cf "$here/v7.tar" .
gnu --format=ustar -cf "$here/ustar.tar" .
bsd() { bsdtar --numeric-owner -b 1 "$@"; }
bsd --format gnutar -cf "$here/bsd-gnutar.tar" .
bsd --format ustar -cf "$here/bsd-ustar.tar" .
bsd --format pax --options xattrheader=LIBARCHIVE -cf "$here/bsd-libarchive.tar" d/file d/sym
truncate -s 100000 d/hole
printf tail >>d/hole
touch -h -d '1969-12-31 23:59:58.25 UTC' d/sym
touch -d '2001-02-03 04:05:06.5 UTC' d/hole d .
# bsdtar complains of the name that is no UTF-8, and writes it.
LC_ALL=C bsd --format pax -cf "$here/bsd-pax.tar" . || true
cd "$here"
go build -o "$tree/list" list.go
for file in *.tar; do
    "$tree/list" "$file" >"${file%.tar}.json"
done
