#!/bin/sh
# Makes the golden streams in gnugzip/ and pigz/ with the real programs (gzip, pigz, python3). What a stream decodes to is its input.
# They may differ with the programs' versions, so they are committed; VERSIONS in each folder says which wrote them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 - <<'P'
import random
r = random.Random(7)
words = [''.join(r.choice('etaoinshrdlu') for _ in range(r.randint(2, 9))) for _ in range(60)]
def text(n):
    out = bytearray()
    while len(out) < n:
        out += (r.choice(words) + ' ').encode()
        if r.random() < .1:
            out += out[-r.randint(5, 900):][:r.randint(3, 60)]
    return bytes(out[:n])
def sparse(n, every):
    out = bytearray(n)
    for at in range(0, n - every, every):
        out[at + r.randrange(every)] = r.randrange(3)
    return bytes(out)
def write(name, data):
    with open(name, 'wb') as f:
        f.write(data)
# Early ends of blocks, slides, far matches, a stored block.
noise = r.randbytes(500)
mixed = text(2500) + sparse(60000, 81) + text(1500) + noise + bytes(30000)
mixed += mixed[1000:5000] + text(1500) + b'\0\1' * 14000 + sparse(90000, 97) + mixed[2000:30000] + noise + text(1200)
write('mixed', mixed)
# Hits for --rsyncable, and more than a block without any.
def hits(data):
    hash, count = 0x7ff, 0
    for byte in data:
        hash = (hash << 1 ^ byte) & 0xfff
        count += hash == 0x7ff
    return count
verse = text(2000)
while hits(verse) != 1:
    verse = text(2000)
write('verses', verse * 30 + bytes(150000) + verse * 5 + text(200) + verse * 45)
write('short', verse * 12 + bytes(40000) + verse * 8)
# Blocks that end early from level 3 up.
write('sparse', b''.join(r.randbytes(3) + bytes(60) for _ in range(1200)))
# What is behind the end makes the farther of two matches the longer one: zeros of the first filling, the two zeros that are put
# there, zeros that moved there with the window.
write('end', b'-ABCDE\0\0\0\0' + text(50) + b'ABCDEx' + text(20) + b'ABCDE')
block = text(300)
filler = block * 250
write('end-70000', filler[:60000] + b'ABCDE\0\0' + filler[:9000] + b'ABCDEx' + filler[:982] + b'ABCDE')
long = r.randbytes(258)
moved = filler[:44000] + b'ABCDE\0\0\0\0' + filler[:5000] + long + filler[:10000] + b'ABCDE\0\0x'
moved += filler[:65189 - len(moved)] + b'!' + long + r.randbytes(30) + b'ABCDE'
write('end-65483', moved)
# Positions that are not searched, as the window does not slide any more.
write('end-65500', filler[:65100] + text(400))
P
for level in 1 2 3 4 5 6 7 8 9; do
    gzip -n -$level <mixed >"$here/gnugzip/$level.gz"
    pigz -n -p 2 -$level <mixed >"$here/pigz/$level.gz"
done
for level in 2 3; do gzip -n -$level <sparse >"$here/gnugzip/$level-sparse.gz"; done
for name in end end-65483 end-65500 end-70000; do gzip -n -6 <$name >"$here/gnugzip/6-$name.gz"; done
for level in 1 6; do
    gzip -n --rsyncable -$level <verses >"$here/gnugzip/$level-rsyncable.gz"
    pigz -n -p 1 -$level <verses >"$here/pigz/$level-single.gz"
    pigz -n -p 2 -i -$level <verses >"$here/pigz/$level-independent.gz"
    pigz -n -p 2 -R -$level <verses >"$here/pigz/$level-rsyncable.gz"
    pigz -n -p 1 -R -$level <verses >"$here/pigz/$level-single-rsyncable.gz"
    pigz -n -p 2 -b 32 -$level <verses >"$here/pigz/$level-block32.gz"
    pigz -n -p 2 -R -b 32 -$level <verses >"$here/pigz/$level-block32-rsyncable.gz"
done
pigz -n -p 2 -R -1 <short >"$here/pigz/1-rsyncable-short.gz"
pigz -n -p 2 -i -R -b 32 -6 <short >"$here/pigz/6-independent-rsyncable.gz"
pigz -n -p 1 -i -R -b 32 -6 <short >"$here/pigz/6-single-independent-rsyncable.gz"
gzip --version | head -1 >"$here/gnugzip/VERSIONS"
{
    pigz --version
    pigz -vV 2>&1 | tail -1
} >"$here/pigz/VERSIONS" 2>&1
