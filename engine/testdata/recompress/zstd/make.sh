#!/bin/sh
# Makes the golden frames beside it: make.sh ZSTD-1.5.7 ZSTD-1.5.4 PZSTD-1.5.4. What a frame decodes to is its input. They differ with
# the program's release, so they are committed. A name says the options; `pipe` had an input of unknown length.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
new=$1 old=$2 pzstd=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 - <<'P'
import random
r = random.Random(5)
words = [''.join(r.choice('etaoinshrdlu') for _ in range(r.randint(2, 9))) for _ in range(400)]
def text(n):
    out = bytearray()
    while len(out) < n:
        out += (r.choice(words) + ' ').encode()
        if r.random() < .2:
            at = r.randrange(len(out))
            out += out[at:at + r.randint(5, 300)]
    return bytes(out[:n])
short = text(9000) + r.randbytes(300) + bytes(40000)
short += short[1000:9000] + text(3000) + b'\0\1' * 9000 + short[3000:8000] * 3 + bytes(range(256)) * 150
short += text(2000) + short[100:30000] + bytes(20000) + text(1000)
# More than two jobs of level 1, and a window that slides in every level's buffer up to 2.
long = short + bytes(700000) + short[5000:60000] + (text(900) + bytes(60000)) * 10 + short * 5
long += bytes(1200000) + short + text(1500)
open('short', 'wb').write(short)
open('long', 'wb').write(long)
open('block', 'wb').write(short[:131072])
open('jobs', 'wb').write(long[:4194304])
open('none', 'wb').write(b'')
P
for level in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do "$new" -q -$level -c short >"level$level.zst"; done
for level in 1 5; do "$new" -q --fast=$level -c short >"fast$level.zst"; done
for level in 1 2 3; do
    "$new" -q -$level <long >"pipe-level$level.zst"
    "$new" -q -$level --single-thread <long >"pipe-single-level$level.zst"
done
"$new" -q -1 -c long >file-level1.zst
"$new" -q -1 --no-check -c long >nocheck-level1.zst
"$new" -q -1 -T4 <jobs >pipe-jobs.zst
"$new" -q -1 -c jobs >file-jobs.zst
for how in block none; do
    "$new" -q --single-thread <$how >"pipe-$how.zst"
    "$new" -q --single-thread -c $how >"file-$how.zst"
done
"$new" -q -2 --long=21 <long >long-level2.zst
"$pzstd" -q -p 2 -1 -c long >old-pzstd.zst
for level in 1 13; do "$old" -q -$level -c short >"old-level$level.zst"; done
"$old" -q -1 <long >old-pipe-level1.zst
cp ./*.zst "$here"
