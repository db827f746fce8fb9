#!/bin/sh
# Makes the golden streams beside it with the real programs (gzip, pigz, python3, zstd, umoci, skopeo, jq), as root.
# They differ with the programs' versions, so they are committed; VERSIONS says which wrote them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 - <<'P'
import gzip, random, zlib
r = random.Random(1)
words = [''.join(r.choice('etaoinshrdlu') for _ in range(r.randint(2, 9))) for _ in range(300)]
lines = [' '.join(r.choice(words) for _ in range(r.randint(3, 9))) for _ in range(40)]
small = '\n'.join(r.choice(lines) if r.random() < .93 else ' '.join(r.choice(words) for _ in range(4)) for _ in range(420)).encode()
large = small + b''.join(b'\0' * r.randint(5000, 9000) + bytes([r.randrange(256)]) for _ in range(1300))
open('small', 'wb').write(small)
open('large', 'wb').write(large)
for level in range(1, 10):
    with open(f'python-{level}.gz', 'wb') as f, gzip.GzipFile('layer.tar', 'wb', level, f, mtime=1) as g:
        g.write(small)
for name, args in (('huffman', (6, 8, 31, 8, 2)), ('rle', (6, 8, 31, 8, 3))):
    c = zlib.compressobj(*args)
    open(f'zlib-{name}.gz', 'wb').write(c.compress(small[:5000]) + c.flush())
for mem in (8, 9):
    c = zlib.compressobj(6, 8, 31, mem, 0)
    open(f'zlib-blocks-mem{mem}.gz', 'wb').write(c.compress(large) + c.flush())
P
for level in 1 6 9; do gzip -n -$level <small >gnu-$level.gz; done
gzip -n -6 <large >gnu-blocks.gz
pigz -n -6 <small >pigz-6.gz
zstd -q -3 <small >zstd-3.zst
umoci init --layout oci
umoci new --image oci:t
umoci unpack --image oci:t bundle
mkdir -p bundle/rootfs/etc
cp small bundle/rootfs/etc/small
umoci repack --image oci:t bundle
skopeo copy -q oci:oci:t docker-archive:t.tar:local/t:1
skopeo copy -q docker-archive:t.tar oci:again:t
for pair in oci:umoci again:skopeo; do
    layout=${pair%:*}
    manifest=$(jq -r '.manifests[0].digest' $layout/index.json)
    layer=$(jq -r '.layers[-1].digest' $layout/blobs/sha256/${manifest#sha256:})
    cp $layout/blobs/sha256/${layer#sha256:} ${pair#*:}.gz
done
cp ./*.gz ./*.zst "$here"
{
    gzip --version | head -1
    pigz --version 2>&1
    python3 -c 'import sys, zlib; print("python", sys.version.split()[0], "zlib", zlib.ZLIB_RUNTIME_VERSION)'
    zstd --version
    umoci --version | head -1
    skopeo --version
} >"$here/VERSIONS"
