// Compresses standard input as skopeo, buildah and BuildKit do: klauspost gzip|pgzip|zstd LEVEL.
package main

import (
	"io"
	"os"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

func main() {
	level, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	var out io.WriteCloser
	switch os.Args[1] {
	case "pgzip":
		out, err = pgzip.NewWriterLevel(os.Stdout, level)
	case "zstd":
		wanted := zstd.WithEncoderLevel(zstd.EncoderLevel(level))
		out, err = zstd.NewWriter(os.Stdout, wanted, zstd.WithEncoderConcurrency(1))
	default:
		out, err = gzip.NewWriterLevel(os.Stdout, level)
	}
	if err != nil {
		panic(err)
	}
	if _, err := io.CopyBuffer(out, os.Stdin, make([]byte, 32<<10)); err != nil {
		panic(err)
	}
	if err := out.Close(); err != nil {
		panic(err)
	}
}
