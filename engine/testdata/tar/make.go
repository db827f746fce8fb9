// Writes gopax.tar, gognu.tar and goustar.tar with Go's archive/tar, as layer builders do.
package main

import (
	"archive/tar"
	"os"
	"strings"
	"time"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func write(file string, headers []tar.Header) {
	f, err := os.Create(file)
	check(err)
	w := tar.NewWriter(f)
	for _, h := range headers {
		body := h.Uname
		h.Uname = ""
		h.Size = int64(len(body))
		check(w.WriteHeader(&h))
		_, err := w.Write([]byte(body))
		check(err)
	}
	check(w.Close())
	check(f.Close())
}

func main() {
	long := strings.Repeat("long/", 40)
	when := time.Unix(1700000000, 123456789)
	write("gopax.tar", []tar.Header{
		{Typeflag: tar.TypeDir, Name: "usr/", Mode: 01777, ModTime: when, Format: tar.FormatPAX},
		{Typeflag: tar.TypeReg, Name: long + "f\u00e9", Uname: "content", Mode: 04755, Uid: 3000000, Gid: 4294967294,
			ModTime: time.Unix(-5, 250000000), Format: tar.FormatPAX, PAXRecords: map[string]string{
				"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
				"SCHILY.xattr.user.note":           "line\nline=2"}},
		{Typeflag: tar.TypeSymlink, Name: "s", Linkname: long, ModTime: when, Format: tar.FormatPAX},
		{Typeflag: tar.TypeLink, Name: "h", Linkname: long + "f\u00e9", ModTime: when, Format: tar.FormatPAX},
		{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"path": "not/applied"}},
		{Typeflag: tar.TypeChar, Name: "dev/null", Mode: 0666, Devmajor: 1, Devminor: 3, ModTime: when, Format: tar.FormatPAX},
		{Typeflag: tar.TypeReg, Name: "usr/.wh.gone", ModTime: when, Format: tar.FormatPAX},
	})
	write("gognu.tar", []tar.Header{
		{Typeflag: tar.TypeReg, Name: long + "raw\xff", Uname: strings.Repeat("x", 600), Mode: 0600, Uid: 1 << 31, Gid: 70000000,
			ModTime: time.Unix(-86400, 0), Format: tar.FormatGNU},
		{Typeflag: tar.TypeSymlink, Name: long + "s", Linkname: long + "t\xfe", ModTime: time.Unix(1<<40, 0), Format: tar.FormatGNU},
		{Typeflag: tar.TypeBlock, Name: "b", Devmajor: 3000000, Devminor: 4000000, ModTime: time.Unix(0, 0), Format: tar.FormatGNU},
		{Typeflag: tar.TypeFifo, Name: "p", ModTime: time.Unix(1, 0), AccessTime: time.Unix(-1, 0), Format: tar.FormatGNU},
	})
	write("goustar.tar", []tar.Header{
		{Typeflag: tar.TypeReg, Name: strings.Repeat("prefix/", 20) + strings.Repeat("n", 80), Uname: "abc", Mode: 0644, ModTime: time.Unix(1, 0), Format: tar.FormatUSTAR},
		{Typeflag: tar.TypeDir, Name: "d/", Mode: 0755, ModTime: time.Unix(2, 0), Format: tar.FormatUSTAR},
	})
}
