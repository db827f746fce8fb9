#!/bin/sh
# Records what the real encoders write: make.sh ENCODERS, where ENCODERS is examples/encoders/main.go built with the Go and the
# pgzip to be recorded. Made with Python 3.11 (zlib 1.2.13), GNU gzip 1.12, pigz 2.6, Go 1.19.8, klauspost compress 1.15.12, pgzip 1.2.5.
set -eu
cd "$(dirname "$0")"
python3 - <<'P'
import zlib
state = 1
def below(n):
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return (state >> 8) % n
lines = b"".join(b"%d snow, %d ice\n" % (below(50), below(5000)) for _ in range(3000))
data = bytes(97 + below(24) for _ in range(50_000)) + lines
open("data", "wb").write(data)
c = zlib.compressobj(6, zlib.DEFLATED, -15, 8)
open("zlib-6.deflate", "wb").write(c.compress(data) + c.flush())
P
strip() { python3 -c 'import sys; d = sys.stdin.buffer.read(); sys.stdout.buffer.write(d[10:-8])'; }
gzip -nc6 <data | strip >gzip-6.deflate
pigz -nc6 -b32 <data | strip >pigz-6-b32.deflate
"$1" flate 6 0 0 <data >go-6.deflate
"$1" flate 1 0 0 <data >go-1.deflate
"$1" pgzip -1 0 40000 <data | strip >pgzip-40000.deflate
rm data
