// Compresses standard input with klauspost's packages, for comparison and for recording golden streams.
package main

import (
	"flag"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
)

func main() {
	part := flag.Int("b", 0, "bytes of a pgzip block; 0 for one raw deflate stream")
	compress(func(out io.Writer, level int) writer {
		if *part == 0 {
			f, err := flate.NewWriter(out, level)
			check(err)
			return f
		}
		p, err := pgzip.NewWriterLevel(out, level)
		check(err)
		check(p.SetConcurrency(*part, 2))
		return p
	})
}
