// Lists tar files with Go's archive/tar, one JSON line each: what the splitter is compared with.
// Strings hold one character (U+0000 to U+00FF) for each byte.
package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sort"
)

// Content beyond this is not read: a hostile header may announce exabytes of holes.
const readLimit = 1 << 26

type entry struct {
	Path   string      `json:"path"`
	Link   string      `json:"link"`
	Kind   string      `json:"kind"`
	Mode   int64       `json:"mode"`
	Uid    int         `json:"uid"`
	Gid    int         `json:"gid"`
	Secs   int64       `json:"secs"`
	Nanos  int         `json:"nanos"`
	Size   int64       `json:"size"`
	Major  int64       `json:"major"`
	Minor  int64       `json:"minor"`
	Xattrs [][2]string `json:"xattrs"`
	Crc32  int64       `json:"crc32"`
}

type listing struct {
	File    string  `json:"file"`
	Error   string  `json:"error"`
	Entries []entry `json:"entries"`
}

var kinds = map[byte]string{
	'0': "file", '7': "file", 'S': "file", '1': "hard link", '2': "symlink", '3': "char device",
	'4': "block device", '5': "directory", '6': "fifo",
}

func bytes(s string) string {
	runes := make([]rune, len(s))
	for i := 0; i < len(s); i++ {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func list(file string) (l listing, err error) {
	l.File, l.Entries = file, []entry{}
	f, err := os.Open(file)
	if err != nil {
		return l, err
	}
	defer f.Close()
	// Hide Seek, so that a truncated file is seen as such.
	r := tar.NewReader(struct{ io.Reader }{f})
	for {
		h, err := r.Next()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		kind, known := kinds[h.Typeflag]
		if !known {
			continue
		}
		e := entry{
			Path: bytes(h.Name), Link: bytes(h.Linkname), Kind: kind, Mode: h.Mode & 07777,
			Uid: h.Uid, Gid: h.Gid, Secs: h.ModTime.Unix(), Nanos: h.ModTime.Nanosecond(),
			Size: h.Size, Major: h.Devmajor, Minor: h.Devminor, Xattrs: [][2]string{}, Crc32: -1,
		}
		if kind != "hard link" && kind != "symlink" {
			e.Link = ""
		}
		if kind != "char device" && kind != "block device" {
			e.Major, e.Minor = 0, 0
		}
		if kind != "file" {
			e.Size = 0
		}
		for name, value := range h.Xattrs {
			e.Xattrs = append(e.Xattrs, [2]string{bytes(name), bytes(value)})
		}
		sort.Slice(e.Xattrs, func(i, j int) bool { return e.Xattrs[i][0] < e.Xattrs[j][0] })
		if e.Size <= readLimit {
			sum := crc32.NewIEEE()
			if _, err := io.Copy(sum, r); err != nil {
				return l, err
			}
			e.Crc32 = int64(sum.Sum32())
		}
		l.Entries = append(l.Entries, e)
	}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, file := range os.Args[1:] {
		l, err := list(file)
		if err != nil {
			l.Error = err.Error()
		}
		if err := out.Encode(l); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
