// Compresses standard input with klauspost's packages, for comparison and for recording golden streams.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
)

func main() {
	part := flag.Int("b", 0, "bytes of a pgzip block; 0 for one raw deflate stream")
	level := flag.Int("l", -1, "level")
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	var w io.WriteCloser
	if *part == 0 {
		f, err := flate.NewWriter(out, *level)
		check(err)
		w = f
	} else {
		p, err := pgzip.NewWriterLevel(out, *level)
		check(err)
		check(p.SetConcurrency(*part, 2))
		w = p
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{os.Stdin}, make([]byte, 1<<16))
	check(err)
	check(w.Close())
	check(out.Flush())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
