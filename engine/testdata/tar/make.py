"""Writes pyustar.tar, pygnu.tar and pypax.tar with Python's tarfile."""
import io, tarfile

tarfile.RECORDSIZE = tarfile.BLOCKSIZE  # no record padding

def member(name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data

def write(file, form, members):
    with tarfile.open(file, "w", format=form, errors="surrogateescape") as out:
        for info, data in members:
            out.addfile(info, io.BytesIO(data))

long = "long/" * 40
common = [
    member("./", tarfile.DIRTYPE, mode=0o755),
    member("file", data=b"hello\n", mode=0o640, uid=1000, gid=100, mtime=1234567890),
    member("hard", tarfile.LNKTYPE, linkname="file"),
    member("sym", tarfile.SYMTYPE, linkname="../etc/passwd", mode=0o777),
    member("tty", tarfile.CHRTYPE, devmajor=4, devminor=64),
    member("sda", tarfile.BLKTYPE, devmajor=8, devminor=1),
    member("pipe", tarfile.FIFOTYPE),
    member("cont", tarfile.CONTTYPE, data=b"contiguous"),
    member("file", data=b"again, and longer than before", mtime=3),
]
raw = [member(b"latin\xe9/caf\xe9".decode("utf-8", "surrogateescape"), data=b"raw")]
prefix = [member("p/" * 60 + "f", data=b"x" * 513)]
extreme = [
    member(long + "file", data=b"y" * 512),
    member("l", tarfile.SYMTYPE, linkname=long),
    member("old", mtime=-1, uid=5000000, gid=0xFFFFFFFE),
]
pax = [
    member("frac", data=b"1", mtime=1234567890.25, pax_headers={"comment": "x"}),
    member("negative", mtime=-1.5),
    member("attr", data=b"2", pax_headers={"SCHILY.xattr.user.k": "v", "SCHILY.acl.access": "user::rw-", "RHT.security.selinux": "x"}),
    member("\u6f22\u5b57", data=b"3"),
]
write("pyustar.tar", tarfile.USTAR_FORMAT, common + raw + prefix)
write("pygnu.tar", tarfile.GNU_FORMAT, common + raw + extreme)
write("pypax.tar", tarfile.PAX_FORMAT, common + raw + extreme + pax)
